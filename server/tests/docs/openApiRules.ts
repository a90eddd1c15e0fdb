import assert from 'node:assert/strict';
import { z } from 'zod';
import type { OpenApiDocument } from '../../src/openapi/document.ts';
import type { Content, Method, Operation, Schema } from '../../src/openapi/operation.ts';

/** An operation with where it stands. */
export interface Described {
  call: string;
  path: string;
  method: Method;
  operation: Operation;
}

export function operationsOf({ paths }: OpenApiDocument): Described[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const call = `${method.toUpperCase()} ${path}`;
      return { call, path, method: method as Method, operation };
    }),
  );
}

/** Asserts what OpenAPI 3.1 asks of a document, as far as this one goes. */
export function assertRules(document: OpenApiDocument): void {
  assert.match(document.openapi, /^3\.1\.\d+$/);
  assert.ok(document.info.title && document.info.version);
  assert.deepEqual(without(document, KNOWN_ROOT), []);
  assertReferences(document);
  const tags = new Set(document.tags.map(({ name }) => name));
  const ids = new Set<string>();
  for (const described of operationsOf(document)) {
    const { call, operation } = described;
    assert.match(described.path, /^\//, call);
    assert.deepEqual(without(operation, KNOWN_OPERATION), [], call);
    assert.ok(!ids.has(operation.operationId), `${operation.operationId} is there twice`);
    ids.add(operation.operationId);
    for (const tag of operation.tags) assert.ok(tags.has(tag), `${call}: no tag ${tag}`);
    assertParameters(described);
    assertContents(document, described);
  }
  for (const tag of tags) {
    assert.ok(operationsOf(document).some(({ operation }) => operation.tags.includes(tag)));
  }
  const needs = operationsOf(document).map(({ operation }) => operation.security ?? []);
  for (const need of [document.security, ...needs].flat()) {
    for (const name of Object.keys(need)) assert.ok(document.components.securitySchemes[name], name);
  }
}

const KNOWN_ROOT = ['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components'];
const KNOWN_OPERATION = [
  'operationId',
  'tags',
  'summary',
  'description',
  'security',
  'parameters',
  'requestBody',
  'responses',
];

function without(object: object, known: string[]): string[] {
  return Object.keys(object).filter((key) => !known.includes(key));
}

function assertReferences(document: OpenApiDocument): void {
  for (const [, pointer = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = pointer.split('/').reduce<unknown>((value, key) => (value as Schema)?.[key], document);
    assert.ok(found, `nothing stands at ${pointer}`);
  }
  assert.doesNotMatch(JSON.stringify(document), /"\$ref":"(?!#\/components\/)/);
}

/** Each parameter of a path is declared, and no other; none is declared twice. */
function assertParameters({ call, path, operation }: Described): void {
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  assert.deepEqual(
    inPath.map(({ name }) => name),
    named,
    call,
  );
  assert.ok(
    inPath.every(({ required }) => required),
    call,
  );
  const places = parameters.map(({ name, in: place }) => `${place} ${name}`);
  assert.equal(new Set(places).size, places.length, call);
  for (const { name, schema, description } of parameters) {
    assert.ok(Object.keys(schema).length > 0, `${call}: ${name} has no schema`);
    assert.match(description, /\.$/, `${call}: ${name}`);
    // Headers that OpenAPI describes by other means.
    assert.doesNotMatch(name, /^(accept|content-type|authorization)$/i, call);
  }
}

/** Each answer has its status and a description; each schema can be read, and each example fits its own. */
function assertContents(document: OpenApiDocument, { call, method, operation }: Described): void {
  assert.ok(Object.keys(operation.responses).length > 0, call);
  if (method === 'get') assert.equal(operation.requestBody, undefined, call);
  const contents: [string, Content][] = [[`${call} body`, operation.requestBody?.content ?? {}]];
  for (const [status, { description, content }] of Object.entries(operation.responses)) {
    assert.match(status, /^[1-5]\d\d$/, call);
    assert.match(description, /\.$/, call);
    contents.push([`${call} ${status}`, content]);
  }
  for (const [where, content] of contents) {
    for (const [type, { schema, example }] of Object.entries(content)) {
      const shape = shapeOf(document, schema);
      if (example === undefined) continue;
      const reading = shape.safeParse(example);
      assert.ok(reading.success, `${where} ${type}: ${JSON.stringify(reading.error?.issues)}`);
    }
  }
}

/** Reads values by a schema of the document. */
export function shapeOf({ components }: OpenApiDocument, schema: Schema): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: components.schemas });
  return z.fromJSONSchema(JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')));
}
