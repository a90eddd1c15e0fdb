import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorCode } from '../../src/domain/errors.ts';
import { startWithOperator, TOKEN } from '../support/testOperator.ts';
import { startTestServer, type TestSite } from '../support/testServer.ts';
import type { Message } from './examples.ts';
import { assertDescribed, operations } from './openApiAnswers.ts';

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
    await assertWrong(await startTestServer(test, { environment: { ARTLY_MAX_RECORDS: '3' } }), wrong);
  });

  it('is true of real ones of the operator', async (test) => {
    const shop = await startWithOperator(test);
    const cookie = await shop.operator.cookie();
    await assertWrong(shop, [
      ...wrongOfOperator({ ...json, authorization: `Bearer ${TOKEN}` }),
      ...operatorCalls.map((call): Wrong => ['NOT_SIGNED_IN', call, json]),
      ...operatorChanges.map((call): Wrong => ['CROSS_SITE', call, { ...json, ...FOREIGN, cookie }]),
      ...operatorPosts.map((call): Wrong => ['UNSUPPORTED_MEDIA_TYPE', call, { cookie }]),
    ]);
  });

  it('is true of wrong tokens, and of too many of them', async (test) => {
    const headers = { ...json, authorization: 'Bearer wrong' };
    const session: Wrong = ['WRONG_TOKEN', 'POST /operator/session', json, '{"token":"wrong"}'];
    const list: Wrong = ['WRONG_TOKEN', 'GET /operator/jobs', headers];
    await assertWrong(await startWithOperator(test), [
      ...[session, list, session, list, session],
      ['TOO_MANY_TRIES', 'POST /operator/session', json, `{"token":"${TOKEN}"}`],
      ...operatorCalls.map((call): Wrong => ['TOO_MANY_TRIES', call, headers]),
    ]);
  });

  it('is true of a server without an operator', async (test) => {
    const calls = [...operatorCalls, ...SESSION.map((method) => `${method} /operator/session`)];
    await assertWrong(
      await startTestServer(test),
      calls.map((call) => ['DASHBOARD_OFF', call, json]),
    );
  });
});

/** An address, its headers and body, and the error that they are answered with. */
type Wrong = [code: ErrorCode, call: string, headers: Record<string, string>, body?: string];

const SESSION = ['GET', 'POST', 'DELETE'];
const FOREIGN = { origin: 'https://evil.example' };

/** All that the operator does once signed in, each with an address that there could be. */
const operatorCalls = operations
  .filter(({ path }) => path.startsWith('/operator/') && path !== '/operator/session')
  .map(({ call }) => call.replaceAll(/\{\w+\}/g, '4711'));
const operatorChanges = operatorCalls.filter((call) => !call.startsWith('GET'));
const operatorPosts = operatorCalls.filter((call) => call.startsWith('POST'));

function wrongOfOperator(headers: Record<string, string>): Wrong[] {
  const sites = 'POST /operator/sites';
  const session = 'POST /operator/session';
  return [
    ['INVALID_PARAMETER', 'GET /operator/jobs?status=other', headers],
    ['INVALID_PARAMETER', 'GET /operator/jobs/%', headers],
    ['INVALID_PARAMETER', 'GET /operator/activity', headers],
    ['INVALID_PARAMETER', 'GET /operator/sites?limit=201', headers],
    ['JOB_NOT_FOUND', 'GET /operator/jobs/none', headers],
    ['JOB_NOT_FOUND', 'GET /operator/jobs/none/rejects', headers],
    ['INVALID_PARAMETER', 'GET /operator/jobs/none/rejects?format=xml', headers],
    ['JOB_NOT_FOUND', 'POST /operator/jobs/none/cancel', headers],
    ['JOB_NOT_FOUND', 'POST /operator/jobs/none/retry', headers],
    ['SITE_NOT_FOUND', 'POST /operator/sites/4711/rotate', headers],
    ['SITE_NOT_FOUND', 'POST /operator/sites/4711/revoke', headers],
    ['INVALID_PARAMETER', 'POST /operator/sites/x/rotate', headers],
    ['SITE_NOT_FOUND', 'DELETE /operator/sites/4711', headers, '{"url":"https://shop.example"}'],
    ['SITE_NOT_CONFIRMED', 'DELETE /operator/sites/1', headers, '{"url":"https://other.example"}'],
    ['INVALID_PARAMETER', 'DELETE /operator/sites/1', headers, '{}'],
    ['INVALID_PARAMETER', sites, headers, '{}'],
    ['INVALID_JSON', sites, headers, '{'],
    ['NOT_AN_OBJECT', sites, headers, '[]'],
    ['SITE_URL_INVALID', sites, headers, '{"url":"ftp://shop.example"}'],
    ['SITE_EXISTS', sites, headers, '{"url":"https://shop.example"}'],
    ['INVALID_PARAMETER', session, headers, '{}'],
    ['BODY_TOO_LARGE', session, headers, `"${'x'.repeat(70_000)}"`],
    ['CROSS_SITE', session, { ...headers, ...FOREIGN }, '{}'],
    ['CROSS_SITE', 'DELETE /operator/session', { ...headers, ...FOREIGN }],
  ];
}

async function assertWrong(shop: TestSite, wrong: Wrong[]): Promise<void> {
  for (const [code, call, headers, body] of wrong) {
    const real = await ask(shop, call, { headers, ...(body !== undefined && { body }) });
    assert.equal(JSON.parse(real.body).error, code, call);
    assertDescribed(call, real);
  }
}

async function ask(shop: TestSite, call: string, init: RequestInit): Promise<Message> {
  const [method = '', path = ''] = call.split(' ');
  const response = await shop.fetch(path, { method, ...init });
  const headers = Object.fromEntries(response.headers);
  return { first: `HTTP/1.1 ${response.status}`, headers, body: await response.text() };
}
