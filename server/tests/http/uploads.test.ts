import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { TestClock } from './spies.ts';

const HOUR_MS = 3_600_000;
const NEW = { type: 'points-balances' };

describe('A job in parts', () => {
  it('takes its batches in any order and side by side, and applies all of them after the commit', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, { ...NEW, total: 1_000 });
    const order = [7, 0, 9, 3, 1, 2, 8, 4, 6, 5];
    const answers = await Promise.all(
      order.map((n) => put(site, jobId, n, members(100, { from: 100 * n + 1 }))),
    );
    for (const { status, json } of answers) {
      assert.deepEqual([status, json.success, json.records], [200, true, 100]);
    }
    assert.equal((await site.balances()).size, 0);
    const { status, json } = await commit(site, jobId, { batches: 10, records: 1_000 });
    assert.equal(status, 202);
    assert.equal(json.message, 'The job has started with 1000 records.');
    const job = await site.waitFor(jobId, hasEnded);
    assert.deepEqual([job.status, job.inserted], ['completed', 1_000]);
    assert.equal((await site.balances()).get('1000 points'), '10000');
  });

  it('tells which batches are there, until the commit', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    await put(site, jobId, 4, members(3));
    await put(site, jobId, 0, members(2));
    const { json } = await site.call(`/artly/sync/jobs/${jobId}`);
    assert.deepEqual(json.upload, { batches: [0, 4], records: 5 });
    const job = await site.job(jobId);
    assert.deepEqual([job.status, job.processed, job.total], ['pending', 0, 5]);
    assert.equal(job.stepMessage, 'Receiving: 5 records in 2 parts so far.');
    await Promise.all([1, 2, 3].map((n) => put(site, jobId, n, members(1))));
    await commit(site, jobId, { batches: 5, records: 8 });
    assert.equal('upload' in (await site.call(`/artly/sync/jobs/${jobId}`)).json, false);
  });

  it('takes a batch again, and refuses another content under its number', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    const answers = await Promise.all(Array.from({ length: 20 }, () => put(site, jobId, 0, members(300))));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    const other = await put(site, jobId, 0, members(299));
    assert.deepEqual([other.status, other.json.error], [409, 'BATCH_DIFFERS']);
    await commit(site, jobId, { batches: 1, records: 300 });
    assert.equal((await site.waitFor(jobId, hasEnded)).inserted, 300);
  });

  it('takes NDJSON and gzip, and the same content packed otherwise is the same', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    const text = members(70)
      .map((record) => JSON.stringify(record))
      .join('\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    const packed = { ...headers, 'content-encoding': 'gzip' };
    assert.equal((await send(site, jobId, 0, gzipSync(text), packed)).status, 200);
    assert.equal((await send(site, jobId, 0, gzipSync(text, { level: 1 }), packed)).status, 200);
    assert.equal((await send(site, jobId, 0, text, headers)).status, 200);
    await commit(site, jobId, { batches: 1, records: 70 });
    assert.equal((await site.waitFor(jobId, hasEnded)).inserted, 70);
  });

  it('keeps nothing of a batch that broke off, however much of it had come', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    const whole = JSON.stringify(members(30_000));
    const broken = await send(site, jobId, 0, whole.slice(0, -20));
    assert.deepEqual([broken.status, broken.json.error], [400, 'BODY_TRUNCATED']);
    assert.deepEqual((await site.call(`/artly/sync/jobs/${jobId}`)).json.upload, { batches: [], records: 0 });
    assert.equal((await send(site, jobId, 0, whole)).status, 200);
    await commit(site, jobId, { batches: 1, records: 30_000 });
    assert.equal((await site.waitFor(jobId, hasEnded)).inserted, 30_000);
  });

  it('names missing batches, and other numbers than it has', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, { ...NEW, total: 5 });
    await put(site, jobId, 1, members(2));
    const missing = await commit(site, jobId, { batches: 15, records: 5 });
    assert.deepEqual([missing.status, missing.json.error], [409, 'BATCHES_MISSING']);
    assert.match(
      missing.json.message as string,
      /^Of 15 batches, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 4 more did/,
    );
    await put(site, jobId, 0, members(1));
    await put(site, jobId, 2, members(1));
    for (const [numbers, message] of [
      [{ batches: 2, records: 4 }, /^Batch 2 is there too/],
      [{ batches: 3, records: 5 }, /have 4 records, not 5/],
      [{ batches: 3, records: 4 }, /made for 5 records, not 4/],
    ] as const) {
      const { status, json } = await commit(site, jobId, numbers);
      assert.deepEqual([status, json.error], [409, 'UPLOAD_DIFFERS']);
      assert.match(json.message as string, message);
    }
    assert.equal((await site.job(jobId)).status, 'pending');
  });

  it('answers a commit that is repeated as before, also when the job has ended', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    await put(site, jobId, 0, members(2));
    for (let time = 0; time < 2; time += 1) {
      assert.equal((await commit(site, jobId, { batches: 1, records: 2 })).status, 202);
      await site.waitFor(jobId, hasEnded);
    }
    const other = await commit(site, jobId, { batches: 2, records: 2 });
    assert.deepEqual([other.status, other.json.error], [409, 'UPLOAD_NOT_OPEN']);
    const late = await put(site, jobId, 1, members(2));
    assert.deepEqual([late.status, late.json.error], [409, 'UPLOAD_NOT_OPEN']);
  });

  it('is made once for a repeated request with an Idempotency-Key', async (context) => {
    const site = await startTestServer(context);
    const headers = { 'idempotency-key': 'a' };
    const made = await Promise.all(Array.from({ length: 20 }, () => open(site, NEW, headers)));
    assert.equal(new Set(made).size, 1);
    const other = await post(site, '/artly/sync/jobs', { ...NEW, total: 7 }, headers);
    assert.deepEqual([other.status, other.json.error], [409, 'IDEMPOTENCY_KEY_REUSED']);
  });

  it('counts the rejected records on over all batches', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    await put(site, jobId, 1, [...members(1), { wp_user_id: 7 }]);
    await put(site, jobId, 0, [{ wp_user_id: 8 }, ...members(2)]);
    await commit(site, jobId, { batches: 2, records: 5 });
    assert.equal((await site.waitFor(jobId, hasEnded)).rejected, 2);
    const text = await (await site.fetch(`/artly/sync/jobs/${jobId}/rejects`)).text();
    const rejects = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      rejects.map(({ index, wp_user_id }) => [index, wp_user_id]),
      [
        [0, 8],
        [4, 7],
      ],
    );
  });

  it('can be cancelled before its commit', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    await put(site, jobId, 0, members(2));
    assert.equal((await post(site, `/artly/sync/jobs/${jobId}/cancel`, {})).status, 200);
    const late = await put(site, jobId, 1, members(2));
    assert.equal(
      late.json.message,
      'The job takes no more batches and no commit: it is cancelled. Start a new job.',
    );
    assert.equal((await post(site, `/artly/sync/jobs/${jobId}/retry`, {})).json.error, 'RECORDS_DROPPED');
    assert.equal((await site.balances()).size, 0);
  });

  it('ends as failed after 24 hours without a batch, and its records go', async (context) => {
    const clock = new TestClock();
    const site = await startTestServer(context, { clock });
    const jobId = await open(site, NEW);
    clock.move(23 * HOUR_MS);
    await put(site, jobId, 0, members(2));
    clock.move(24 * HOUR_MS);
    await site.server.parts.sweep.dropOld();
    assert.equal((await site.job(jobId)).status, 'pending');
    clock.move(1);
    await site.server.parts.sweep.dropOld();
    const job = await site.job(jobId);
    assert.deepEqual([job.status, job.error?.code], ['failed', 'UPLOAD_ABANDONED']);
  });

  it('is the whole picture as a snapshot, also of nothing', async (context) => {
    const site = await startTestServer(context);
    await site.waitFor(await site.start(members(10)), hasEnded);
    const part = await open(site, { ...NEW, mode: 'snapshot' });
    await put(site, part, 0, members(6));
    await commit(site, part, { batches: 1, records: 6 });
    assert.equal((await site.waitFor(part, hasEnded)).status, 'completed');
    assert.equal((await site.balances()).size, 6);
    const refused = await open(site, { ...NEW, mode: 'snapshot' });
    await commit(site, refused, { batches: 0, records: 0 });
    assert.equal((await site.waitFor(refused, hasEnded)).error?.code, 'REMOVAL_NOT_CONFIRMED');
    const nothing = await open(site, { ...NEW, mode: 'snapshot', confirmRemoval: true });
    await commit(site, nothing, { batches: 0, records: 0 });
    assert.equal((await site.waitFor(nothing, hasEnded)).status, 'completed');
    assert.equal((await site.balances()).size, 0);
  });

  it('is the whole picture of ranges as a snapshot of them, also where nobody is left', async (context) => {
    const site = await startTestServer(context);
    await site.waitFor(await site.start(members(10)), hasEnded);
    const ranges = [
      [2, 3],
      [9, 12],
    ];
    const jobId = await open(site, { ...NEW, mode: 'snapshot', ranges });
    await commit(site, jobId, { batches: 0, records: 0 });
    assert.equal((await site.waitFor(jobId, hasEnded)).error?.code, 'REMOVAL_NOT_CONFIRMED');
    const sure = await open(site, { ...NEW, mode: 'snapshot', ranges, confirmRemoval: true });
    await commit(site, sure, { batches: 0, records: 0 });
    assert.equal((await site.waitFor(sure, hasEnded)).status, 'completed');
    assert.deepEqual(
      [...(await site.balances()).keys()],
      [1, 4, 5, 6, 7, 8].map((id) => `${id} points`),
    );
    const merge = await post(site, '/artly/sync/jobs', { ...NEW, ranges });
    assert.match(merge.json.message as string, /ranges need mode=snapshot/);
  });

  it('of nothing is refused otherwise', async (context) => {
    const site = await startTestServer(context);
    const { status, json } = await commit(site, await open(site, NEW), { batches: 0, records: 0 });
    assert.deepEqual([status, json.error], [400, 'EMPTY_ARRAY']);
  });

  it('never has more records than one job may have', async (context) => {
    const site = await startTestServer(context, { environment: { ARTLY_MAX_RECORDS: '60' } });
    const jobId = await open(site, NEW);
    await put(site, jobId, 0, members(50));
    const over = await put(site, jobId, 1, members(11));
    assert.deepEqual([over.status, over.json.error], [413, 'TOO_MANY_RECORDS']);
    assert.equal((await put(site, jobId, 1, members(10))).status, 200);
    assert.equal((await put(site, jobId, 2, members(1))).status, 413);
  });

  it('of another site does not exist', async (context) => {
    const site = await startTestServer(context);
    const jobId = await open(site, NEW);
    const { key } = await site.server.parts.sites.add('https://other.example');
    const other = Object.assign(Object.create(Object.getPrototypeOf(site)), {
      url: site.url,
      key,
    }) as TestSite;
    assert.equal((await put(other, jobId, 0, members(1))).status, 404);
    assert.equal((await commit(other, jobId, { batches: 0, records: 0 })).status, 404);
  });

  for (const [wrong, message] of [
    [{}, /type must be one of points-balances, /],
    [{ type: 7 }, /type must be one of points-balances, /],
    [{ ...NEW, total: 0 }, /total must be a whole number above 0/],
    [{ ...NEW, mode: 'all' }, /mode must be one of/],
    [{ ...NEW, confirmRemoval: 'yes' }, /confirmRemoval must be true or false/],
  ] as const) {
    it(`can’t be made of ${JSON.stringify(wrong)}`, async (context) => {
      const site = await startTestServer(context);
      const { status, json } = await post(site, '/artly/sync/jobs', wrong);
      assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER']);
      assert.match(json.message as string, message);
    });
  }

  for (const [n, numbers] of [
    ['-1', { batches: -1, records: 1 }],
    ['100000', { batches: 100_001, records: 1 }],
    ['x', { batches: 1 }],
  ] as const) {
    it(`refuses batch ${n} and the commit ${JSON.stringify(numbers)}`, async (context) => {
      const site = await startTestServer(context);
      const jobId = await open(site, NEW);
      for (const { status, json } of [
        await put(site, jobId, n, members(1)),
        await post(site, `/artly/sync/jobs/${jobId}/commit`, numbers),
      ]) {
        assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER']);
      }
    });
  }
});

interface Answer {
  status: number;
  json: Record<string, unknown>;
}

async function post(site: TestSite, path: string, body: unknown, headers: object = {}): Promise<Answer> {
  const response = await site.fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function open(site: TestSite, job: object, headers: object = {}): Promise<string> {
  const { status, json } = await post(site, '/artly/sync/jobs', job, headers);
  assert.equal(status, 201, JSON.stringify(json));
  return json.jobId as string;
}

function put(site: TestSite, jobId: string, n: number | string, records: object[]): Promise<Answer> {
  return send(site, jobId, n, JSON.stringify(records));
}

async function send(
  site: TestSite,
  jobId: string,
  n: number | string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Answer> {
  const response = await site.fetch(`/artly/sync/jobs/${jobId}/batches/${n}`, {
    method: 'PUT',
    headers,
    body,
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

function commit(
  site: TestSite,
  jobId: string,
  numbers: { batches: number; records: number },
): Promise<Answer> {
  return post(site, `/artly/sync/jobs/${jobId}/commit`, numbers);
}
