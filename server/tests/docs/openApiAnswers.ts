import assert from 'node:assert/strict';
import { openApiDocument } from '../../src/openapi/document.ts';
import type { Answer, Schema } from '../../src/openapi/operation.ts';
import type { Message } from './examples.ts';
import { type Described, operationsOf, shapeOf } from './openApiRules.ts';

export const document = openApiDocument();
export const operations = operationsOf(document);

/** Asserts that the description knows this answer to this call, and gives what it describes. */
export function assertDescribed(call: string, { first, headers, body }: Message): Described {
  const [method, address = ''] = call.split(' ');
  const path = address.split('?')[0] as string;
  const described = operations
    .filter((each) => each.method.toUpperCase() === method && patternOf(each.path).test(path))
    .sort((one, other) => placeholders(one.path) - placeholders(other.path))[0];
  assert.ok(described, `${call} is not described`);
  const status = first.split(' ')[1] as string;
  const answer: Answer | undefined = described.operation.responses[status];
  const told = `${call} ${status}`;
  assert.ok(answer, `${told} is not described: ${body}`);
  for (const name of Object.keys(answer.headers)) assert.ok(headers[name.toLowerCase()], `${told}: ${name}`);
  if (Object.keys(answer.content).length === 0) {
    assert.equal(body, '', told);
    return described;
  }
  const type = (headers['content-type'] ?? '').split(';')[0] as string;
  const { schema } = answer.content[type] ?? {};
  assert.ok(schema, `${told}: ${type} is not described`);
  assertFits(told, schema, body);
  return described;
}

function assertFits(told: string, schema: Schema, body: string): void {
  const line = /^A (\w+) a line\.$/.exec(String(schema.description))?.[1];
  const shape = shapeOf(document, line === undefined ? schema : { $ref: `#/components/schemas/${line}` });
  const texts = line === undefined ? [body] : body.split('\n').filter((text) => text !== '');
  for (const text of texts) {
    const reading = shape.safeParse(schema.type === 'string' && line === undefined ? text : JSON.parse(text));
    assert.ok(reading.success, `${told}: ${JSON.stringify(reading.error?.issues)} in ${text}`);
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`);
}

function placeholders(path: string): number {
  return path.split('{').length;
}
