import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { members, startTestServer, type TestSite } from '../support/testServer.ts';

const START = '/artly/sync/points-balances/start';
const OLD = '/artly/sync/points-balances';
const STATUS = '/artly/sync/points-balances/status';
const CANCEL = '/artly/sync/points-balances/cancel';
const JSON_TYPE = { 'content-type': 'application/json' };
const GZIP = { ...JSON_TYPE, 'content-encoding': 'gzip' };
const NOBODY = '01890000-0000-7000-8000-000000000000';
const GOOD = JSON.stringify(members(3));

interface BadRequest {
  what: string;
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  status: number;
  code: string;
}

const post = (path: string, body: string | Buffer, headers: Record<string, string> = JSON_TYPE) => ({
  method: 'POST',
  path,
  body,
  headers,
});

/** What a body of records can have wrong; the two endpoints that take one answer alike. */
const BAD_BODIES: Omit<BadRequest, 'path'>[] = [
  { what: 'no body', ...post('', ''), status: 400, code: 'INVALID_JSON' },
  { what: 'text that is not JSON', ...post('', 'hello'), status: 400, code: 'INVALID_JSON' },
  {
    what: 'bytes that are no UTF-8',
    ...post('', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])),
    status: 400,
    code: 'INVALID_JSON',
  },
  { what: 'an object instead of an array', ...post('', '{"a":1}'), status: 400, code: 'NOT_AN_ARRAY' },
  { what: 'null', ...post('', 'null'), status: 400, code: 'NOT_AN_ARRAY' },
  { what: 'an empty array', ...post('', '[]'), status: 400, code: 'EMPTY_ARRAY' },
  {
    what: 'too many records',
    ...post('', JSON.stringify(members(61))),
    status: 413,
    code: 'TOO_MANY_RECORDS',
  },
  { what: 'too many bytes', ...post('', `[${' '.repeat(100_000)}1]`), status: 413, code: 'BODY_TOO_LARGE' },
  {
    what: 'too many bytes once unpacked',
    ...post('', gzipSync(`[${' '.repeat(100_000)}1]`), GZIP),
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  { what: 'an array that breaks off', ...post('', GOOD.slice(0, -20)), status: 400, code: 'BODY_TRUNCATED' },
  {
    what: 'no content type',
    ...post('', Buffer.from(GOOD), {}),
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    what: 'the content type of a form',
    ...post('', GOOD, { 'content-type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    what: 'the content type of a text',
    ...post('', GOOD, { 'content-type': 'text/plain' }),
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    what: 'an encoding nobody knows',
    ...post('', GOOD, { ...JSON_TYPE, 'content-encoding': 'br' }),
    status: 415,
    code: 'UNSUPPORTED_ENCODING',
  },
  { what: 'gzip that is none', ...post('', GOOD, GZIP), status: 400, code: 'BROKEN_GZIP' },
  {
    what: 'gzip that breaks off',
    ...post('', gzipSync(GOOD).subarray(0, 60), GZIP),
    status: 400,
    code: 'BROKEN_GZIP',
  },
];

const BAD_REQUESTS: BadRequest[] = [
  ...[START, OLD].flatMap((path) => BAD_BODIES.map((bad) => ({ ...bad, path }))),
  { what: 'no jobId', path: STATUS, status: 400, code: 'JOB_ID_MISSING' },
  { what: 'an empty jobId', path: `${STATUS}?jobId=`, status: 400, code: 'JOB_ID_MISSING' },
  { what: 'a jobId given twice', path: `${STATUS}?jobId=a&jobId=b`, status: 400, code: 'JOB_ID_REPEATED' },
  { what: 'an unknown jobId', path: `${STATUS}?jobId=${NOBODY}`, status: 404, code: 'JOB_NOT_FOUND' },
  {
    what: 'a jobId with odd characters',
    path: `${STATUS}?jobId=%00%27%3B--`,
    status: 404,
    code: 'JOB_NOT_FOUND',
  },
  { what: 'no jobId', ...post(CANCEL, '{}'), status: 400, code: 'JOB_ID_MISSING' },
  { what: 'a jobId that is null', ...post(CANCEL, '{"jobId":null}'), status: 400, code: 'JOB_ID_MISSING' },
  {
    what: 'a jobId given as two',
    ...post(CANCEL, '{"jobId":["a","b"]}'),
    status: 400,
    code: 'JOB_ID_REPEATED',
  },
  { what: 'a jobId as an object', ...post(CANCEL, '{"jobId":{"a":1}}'), status: 400, code: 'JOB_ID_INVALID' },
  { what: 'a jobId as a number', ...post(CANCEL, '{"jobId":7}'), status: 400, code: 'JOB_ID_INVALID' },
  { what: 'an unknown jobId', ...post(CANCEL, `{"jobId":"${NOBODY}"}`), status: 404, code: 'JOB_NOT_FOUND' },
  { what: 'text that is not JSON', ...post(CANCEL, 'jobId=a'), status: 400, code: 'INVALID_JSON' },
  { what: 'no body', ...post(CANCEL, ''), status: 400, code: 'INVALID_JSON' },
  { what: 'an array', ...post(CANCEL, '["a"]'), status: 400, code: 'NOT_AN_OBJECT' },
  { what: 'null', ...post(CANCEL, 'null'), status: 400, code: 'NOT_AN_OBJECT' },
  {
    what: 'more than 64 KiB',
    ...post(CANCEL, `{"jobId":"${'a'.repeat(70_000)}"}`),
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  {
    what: 'a form',
    ...post(CANCEL, 'jobId=a', { 'content-type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  { what: 'an unknown job', path: `/artly/sync/jobs/${NOBODY}`, status: 404, code: 'JOB_NOT_FOUND' },
  { what: 'an unknown job', path: `/artly/sync/jobs/${NOBODY}/rejects`, status: 404, code: 'JOB_NOT_FOUND' },
  { what: 'an unknown job', path: `/artly/sync/jobs/${NOBODY}/audit`, status: 404, code: 'JOB_NOT_FOUND' },
  {
    what: 'an unknown job',
    ...post(`/artly/sync/jobs/${NOBODY}/cancel`, '{}'),
    status: 404,
    code: 'JOB_NOT_FOUND',
  },
  {
    what: 'an unknown job',
    ...post(`/artly/sync/jobs/${NOBODY}/retry`, '{}'),
    status: 404,
    code: 'JOB_NOT_FOUND',
  },
  {
    what: 'a status that is none',
    path: '/artly/sync/jobs?status=done',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'two states',
    path: '/artly/sync/jobs?status=failed&status=pending',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  { what: 'a limit of 0', path: '/artly/sync/jobs?limit=0', status: 400, code: 'INVALID_PARAMETER' },
  {
    what: 'a limit above 1,000',
    path: '/artly/sync/jobs?limit=1001',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'a limit that is no number',
    path: '/artly/sync/jobs?limit=ten',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'a cursor that no answer gave',
    path: '/artly/sync/jobs?cursor=nonsense',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'a negative after',
    path: '/artly/points-balances?after=-1',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'an after past 2^53',
    path: '/artly/points-balances?after=9007199254740993',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'a limit above 1,000',
    path: '/artly/points-balances?limit=5000',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  {
    what: 'a member that is no number',
    path: '/artly/points-balances/me',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
  { what: 'member 0', path: '/artly/points-balances/0', status: 400, code: 'INVALID_PARAMETER' },
  {
    what: 'a member nobody knows',
    path: '/artly/points-balances/4711',
    status: 404,
    code: 'BALANCE_NOT_FOUND',
  },
  { what: 'an address that is none of ours', path: '/artly/nothing', status: 404, code: 'NOT_FOUND' },
  {
    what: 'an address with a broken %-sign',
    path: '/artly/sync/jobs/%E0%A4%A',
    status: 400,
    code: 'INVALID_PARAMETER',
  },
];

describe('A bad request has its own code and status, and changes nothing', { timeout: 180_000 }, () => {
  for (const { what, path, status, code, method = 'GET', headers, body } of BAD_REQUESTS) {
    it(`${method} ${path} with ${what}: ${status} ${code}`, async (test) => {
      const shop = await smallServer(test);
      const response = await shop.fetch(path, {
        method,
        ...(headers && { headers }),
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(5_000),
      });
      await assertError(response, { status, code });
      await assertNothingChanged(shop);
    });
  }
});

const ENDPOINTS: [path: string, allowed: string][] = [
  [START, 'POST'],
  [OLD, 'POST'],
  [CANCEL, 'POST'],
  [STATUS, 'GET, HEAD'],
  ['/artly/sync/jobs', 'GET, HEAD, POST'],
  [`/artly/sync/jobs/${NOBODY}/batches/0`, 'PUT'],
  [`/artly/sync/jobs/${NOBODY}/commit`, 'POST'],
  [`/artly/sync/jobs/${NOBODY}`, 'GET, HEAD'],
  [`/artly/sync/jobs/${NOBODY}/cancel`, 'POST'],
  [`/artly/sync/jobs/${NOBODY}/retry`, 'POST'],
  [`/artly/sync/jobs/${NOBODY}/rejects`, 'GET, HEAD'],
  [`/artly/sync/jobs/${NOBODY}/audit`, 'GET, HEAD'],
  [`/artly/sync/jobs/${NOBODY}/events`, 'GET, HEAD'],
  [`/artly/sync/jobs/${NOBODY}/ticket`, 'POST'],
  ['/artly/sync/live', 'GET, HEAD'],
  ['/artly/points-balances', 'GET, HEAD'],
  ['/artly/points-balances/1', 'GET, HEAD'],
  ['/artly/points-balances/checksums', 'GET, HEAD'],
  ['/healthz', 'GET, HEAD'],
  ['/readyz', 'GET, HEAD'],
];

describe('A wrong method', () => {
  it('is answered with 405 and what is allowed, at every endpoint', async (test) => {
    const shop = await smallServer(test);
    for (const [path, allowed] of ENDPOINTS) {
      const wrong = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter(
        (one) => !allowed.includes(one),
      );
      for (const method of wrong) {
        const response = await shop.fetch(path, { method });
        assert.equal(response.headers.get('allow'), allowed, `${method} ${path}`);
        await assertError(response, { status: 405, code: 'METHOD_NOT_ALLOWED' });
      }
    }
    await assertNothingChanged(shop);
  });
});

describe('An answer to HEAD', () => {
  it('has the status and headers of GET, and no body', async (test) => {
    const shop = await smallServer(test);
    const jobId = await shop.start(members(2));
    for (const path of [
      '/healthz',
      '/readyz',
      '/artly/sync/jobs',
      '/artly/points-balances',
      `${STATUS}?jobId=${jobId}`,
    ]) {
      const response = await shop.fetch(path, { method: 'HEAD' });
      assert.equal(response.status, 200, path);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
      assert.equal(await response.text(), '');
    }
  });
});

async function smallServer(test: Parameters<typeof startTestServer>[0]) {
  return startTestServer(test, { environment: { ARTLY_MAX_RECORDS: '60', ARTLY_MAX_BODY_BYTES: '90000' } });
}

async function assertError(
  response: Response,
  { status, code }: { status: number; code: string },
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const json = JSON.parse(text);
  assert.deepEqual(Object.keys(json), ['success', 'error', 'message']);
  assert.equal(json.success, false);
  assert.equal(json.error, code);
  assert.match(json.message, /^\S.*[.?]$/s);
  assert.doesNotMatch(text, /<|node_modules|\bat .*:\d+:\d+/);
}

async function assertNothingChanged(shop: TestSite): Promise<void> {
  const { json } = await shop.call('/artly/sync/jobs');
  assert.deepEqual(json.jobs, []);
  assert.equal((await shop.balances()).size, 0);
}
