import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERRORS, type ErrorCode } from '../../src/domain/errors.ts';
import { openApiDocument } from '../../src/openapi/document.ts';
import type { Answer, Operation, Schema } from '../../src/openapi/operation.ts';
import { startTestServer, type TestSite } from '../support/testServer.ts';
import { endpointsOf } from './endpoints.ts';
import { type Message, runSteps, stepsOf } from './examples.ts';
import { readDoc } from './markdown.ts';
import { assertRules, type Described, operationsOf, shapeOf } from './openApiRules.ts';

const document = openApiDocument();
const operations = operationsOf(document);

describe('The description of the API', () => {
  it('has every endpoint of the server, and no other', async (test) => {
    const { server } = await startTestServer(test);
    const described = operations.map(({ call }) => call.replaceAll(/\{(\w+)\}/g, ':$1'));
    assert.deepEqual(described.sort(), endpointsOf(server.parts).sort());
  });

  it('keeps the rules of OpenAPI 3.1, and its examples fit its schemas', () => {
    assertRules(document);
  });

  it('tells the limits of what an address may have, and what counts where it is left out', () => {
    const ofCall = (call: string) => operations.find((each) => each.call === call)?.operation.parameters;
    const schema = (call: string, name: string) => ofCall(call)?.find((each) => each.name === name)?.schema;
    const limit = { type: 'integer', minimum: 1, maximum: 1_000, default: 50 };
    assert.deepEqual(schema('GET /artly/sync/jobs', 'limit'), limit);
    const part = { type: 'integer', minimum: 0, maximum: 99_999 };
    assert.deepEqual(schema('PUT /artly/sync/jobs/{jobId}/batches/{n}', 'n'), part);
    const mode = { type: 'string', enum: ['merge', 'snapshot'], default: 'merge' };
    assert.deepEqual(schema('POST /artly/sync/{type}/start', 'mode'), mode);
  });

  it('needs a key for what is under /artly, and for nothing else', () => {
    for (const { path, call, operation } of operations) {
      assert.equal(operation.security === undefined, path.startsWith('/artly/'), call);
      assert.equal('401' in operation.responses, path.startsWith('/artly/'), call);
    }
  });

  it('names every error that a request can have', () => {
    const named = new Set(operations.flatMap(({ operation }) => codesOf(operation)));
    const missing = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => !named.has(code));
    assert.deepEqual(missing, ELSEWHERE);
  });

  it('is what the server gives', async (test) => {
    const shop = await startTestServer(test);
    const { json } = await shop.call('/openapi.json');
    assert.deepEqual(json, JSON.parse(JSON.stringify(document)));
  });

  it('is true of the answers to all examples of docs/api.md', async (test) => {
    const seen = new Set<string>();
    await runSteps(test, stepsOf(readDoc('api.md')), ({ request }, real) => {
      const { call } = assertDescribed(request.first, real);
      seen.add(`${call} ${real.first.split(' ')[1]}`);
    });
    // A WebSocket is no answer of HTTP: tests/live/ opens it.
    const unseen = operations.filter(
      ({ call, operation }) =>
        call !== 'GET /artly/sync/live' && !seen.has(`${call} ${Object.keys(operation.responses)[0]}`),
    );
    assert.deepEqual(
      unseen.map(({ call }) => call),
      [],
    );
  });
});

/** Errors of the command line, of the start of a server, of a job itself, and of any address at all. */
const ELSEWHERE: ErrorCode[] = [
  'METHOD_NOT_ALLOWED',
  'INVALID_MESSAGE',
  'UPLOAD_ABANDONED',
  'REMOVAL_NOT_CONFIRMED',
  'SITE_EXISTS',
  'SITE_NOT_FOUND',
  'SITE_URL_INVALID',
  'STORAGE_IN_USE',
  'STORAGE_TOO_NEW',
  'STORAGE_TOO_OLD',
  'STORAGE_NOT_EMPTY',
  'STORAGE_HALF_COPIED',
  'INVALID_CONFIGURATION',
];

describe('What the description says of errors', () => {
  const json = { 'content-type': 'application/json' };
  const start = 'POST /artly/sync/points-balances/start';
  const jobs = 'POST /artly/sync/jobs';
  const wrong: Wrong[] = [
    ['MISSING_KEY', 'GET /artly/sync/jobs', { 'x-artly-secret': '' }],
    ['WRONG_KEY', 'GET /artly/points-balances', { 'x-artly-secret': 'wrong' }],
    ['INVALID_PARAMETER', 'GET /artly/sync/jobs?limit=0', {}],
    ['INVALID_PARAMETER', 'GET /artly/points-balances?after=x', {}],
    ['INVALID_PARAMETER', 'GET /artly/points-balances/none', {}],
    ['INVALID_PARAMETER', 'GET /artly/points-balances/%', {}],
    ['INVALID_PARAMETER', 'GET /artly/points-balances/checksums?size=0', {}],
    ['INVALID_PARAMETER', `${start}?mode=other`, json, '[]'],
    ['TYPE_NOT_FOUND', jobs, json, '{"type":"other"}'],
    ['TYPE_NOT_FOUND', 'GET /artly/sync/jobs?type=other', {}],
    ['TYPE_NOT_FOUND', 'POST /artly/sync/other/start', json, '[]'],
    ['INVALID_PARAMETER', jobs, json, '{"total":0}'],
    ['BALANCE_NOT_FOUND', 'GET /artly/points-balances/4711', {}],
    ['JOB_ID_MISSING', 'GET /artly/sync/points-balances/status', {}],
    ['JOB_ID_REPEATED', 'GET /artly/sync/points-balances/status?jobId=a&jobId=b', {}],
    ['JOB_NOT_FOUND', 'GET /artly/sync/points-balances/status?jobId=a', {}],
    ['JOB_ID_INVALID', 'POST /artly/sync/points-balances/cancel', json, '{"jobId":7}'],
    ['NOT_AN_OBJECT', 'POST /artly/sync/points-balances/cancel', json, '[]'],
    ['BODY_TOO_LARGE', 'POST /artly/sync/points-balances/cancel', json, `"${'x'.repeat(70_000)}"`],
    ['UNSUPPORTED_MEDIA_TYPE', jobs, { 'content-type': 'text/plain' }, 'x'],
    ['INVALID_JSON', jobs, json, '{'],
    [
      'IDEMPOTENCY_KEY_INVALID',
      jobs,
      { ...json, 'idempotency-key': 'x'.repeat(256) },
      '{"type":"points-balances"}',
    ],
    ['INVALID_JSON', start, json, '[nonsense]'],
    ['NOT_AN_ARRAY', start, json, '{}'],
    ['EMPTY_ARRAY', start, json, '[]'],
    ['BODY_TRUNCATED', start, json, '[{"wp_user_id":1'],
    ['BROKEN_GZIP', start, { ...json, 'content-encoding': 'gzip' }, '[]'],
    ['UNSUPPORTED_ENCODING', start, { ...json, 'content-encoding': 'br' }, '[]'],
    ['UNSUPPORTED_MEDIA_TYPE', start, { 'content-type': 'text/plain' }, '[]'],
    ['TOO_MANY_RECORDS', start, json, '[1,2,3,4]'],
    ['EMPTY_ARRAY', 'POST /artly/sync/points-balances', json, '[]'],
    ['JOB_NOT_FOUND', 'GET /artly/sync/jobs/none', {}],
    ['JOB_NOT_FOUND', 'GET /artly/sync/jobs/none/audit', {}],
    ['JOB_NOT_FOUND', 'GET /artly/sync/jobs/none/rejects', {}],
    ['JOB_NOT_FOUND', 'POST /artly/sync/jobs/none/cancel', {}],
    ['JOB_NOT_FOUND', 'POST /artly/sync/jobs/none/retry', {}],
    ['JOB_NOT_FOUND', 'PUT /artly/sync/jobs/none/batches/0', json, '[]'],
    ['INVALID_PARAMETER', 'PUT /artly/sync/jobs/none/batches/x', json, '[]'],
    ['JOB_NOT_FOUND', 'POST /artly/sync/jobs/none/commit', json, '{"batches":1,"records":1}'],
    ['INVALID_PARAMETER', 'POST /artly/sync/jobs/none/commit', json, '{}'],
    ['NOT_FOUND', 'GET /docs/package.json', {}],
  ];

  it('is true of real ones', async (test) => {
    const shop = await startTestServer(test, { environment: { ARTLY_MAX_RECORDS: '3' } });
    for (const [code, call, headers, body] of wrong) {
      const real = await ask(shop, call, { headers, ...(body !== undefined && { body }) });
      assert.equal(JSON.parse(real.body).error, code, call);
      assertDescribed(call, real);
    }
  });
});

type Wrong = [code: ErrorCode, call: string, headers: Record<string, string>, body?: string];

async function ask(shop: TestSite, call: string, init: RequestInit): Promise<Message> {
  const [method = '', path = ''] = call.split(' ');
  const response = await shop.fetch(path, { method, ...init });
  const headers = Object.fromEntries(response.headers);
  return { first: `HTTP/1.1 ${response.status}`, headers, body: await response.text() };
}

/** Asserts that the description knows this answer to this call, and gives what it describes. */
function assertDescribed(call: string, { first, headers, body }: Message): Described {
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

function codesOf({ responses }: Operation): string[] {
  return Object.values(responses).flatMap(({ content }) => {
    const { properties } = (content['application/json']?.schema ?? {}) as { properties?: Schema };
    const { enum: codes = [], const: code } = (properties?.error ?? {}) as {
      enum?: string[];
      const?: string;
    };
    return code === undefined ? codes : [code];
  });
}
