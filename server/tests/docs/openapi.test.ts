import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERRORS, type ErrorCode } from '../../src/domain/errors.ts';
import type { Operation, Schema, Security } from '../../src/openapi/operation.ts';
import { startWithOperator } from '../support/testOperator.ts';
import { startTestServer } from '../support/testServer.ts';
import { endpointsOf } from './endpoints.ts';
import { runSteps, stepsOf } from './examples.ts';
import { readDoc } from './markdown.ts';
import { assertDescribed, document, operations } from './openApiAnswers.ts';
import { assertRules } from './openApiRules.ts';

const LIVE = 'GET /artly/sync/live';

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
    assert.deepEqual(schema('GET /operator/jobs', 'limit'), { ...limit, maximum: 200 });
    assert.deepEqual(schema('GET /operator/jobs', 'from'), { type: 'string', format: 'date-time' });
    assert.deepEqual(schema('GET /operator/sites', 'search'), { type: 'string', maxLength: 200 });
    const part = { type: 'integer', minimum: 0, maximum: 99_999 };
    assert.deepEqual(schema('PUT /artly/sync/jobs/{jobId}/batches/{n}', 'n'), part);
    const mode = { type: 'string', enum: ['merge', 'snapshot'], default: 'merge' };
    assert.deepEqual(schema('POST /artly/sync/{type}/start', 'mode'), mode);
  });

  it('tells which parts of an address are needed', () => {
    const needed = operations.flatMap(({ call, operation: { parameters = [] } }) =>
      parameters.filter((each) => each.in !== 'path' && each.required).map(({ name }) => `${call} ${name}`),
    );
    assert.deepEqual(needed.sort(), [
      'GET /artly/points-events wp_user_id',
      'GET /artly/sync/{type}/status jobId',
      'GET /operator/activity from',
      'GET /operator/activity step',
      'GET /operator/activity to',
    ]);
  });

  it('needs the key of a site under /artly, the operator’s sign-in under /operator, and nothing elsewhere', () => {
    for (const { path, call, operation } of operations) {
      const need = needOf(path);
      assert.deepEqual(operation.security ?? document.security, need, call);
      const refuses = need.length > 0 || call === 'POST /operator/session';
      assert.equal('401' in operation.responses, refuses, call);
    }
  });

  it('is true of who may ask', async (test) => {
    const { url } = await startWithOperator(test);
    // Whatever asks for no WebSocket is told so first.
    for (const { path, method, call } of operations.filter((each) => each.call !== LIVE)) {
      const address = path.replace('{type}', 'points-balances').replaceAll(/\{\w+\}/g, '1');
      const { status } = await fetch(`${url}${address}`, { method });
      assert.equal(status === 401, needOf(path).length > 0, `${call}: ${status}`);
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
      ({ call, operation }) => call !== LIVE && !seen.has(`${call} ${Object.keys(operation.responses)[0]}`),
    );
    assert.deepEqual(
      unseen.map(({ call }) => call),
      [],
    );
  });
});

function needOf(path: string): Security {
  if (path.startsWith('/artly/')) return [{ siteKey: [] }, { bearer: [] }];
  const open = path === '/operator/session' || !path.startsWith('/operator/');
  return open ? [] : [{ operatorToken: [] }, { operatorSession: [] }];
}

/** Errors of the command line, of the start of a server, of a job itself, and of any address at all. */
const ELSEWHERE: ErrorCode[] = [
  'METHOD_NOT_ALLOWED',
  'INVALID_MESSAGE',
  'UPLOAD_ABANDONED',
  'REMOVAL_NOT_CONFIRMED',
  'STORAGE_IN_USE',
  'STORAGE_TOO_NEW',
  'STORAGE_TOO_OLD',
  'STORAGE_NOT_EMPTY',
  'STORAGE_HALF_COPIED',
  'INVALID_CONFIGURATION',
];

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
