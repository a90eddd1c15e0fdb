import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SyncError } from '../../src/domain/errors.ts';
import { systemClock } from '../../src/services/clock.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { hasEnded, members, startTestServer, TestSite } from '../support/testServer.ts';

const DAY_MS = 24 * 3_600_000;

describe('A start with an Idempotency-Key', () => {
  it('gives the same job when it is repeated, and applies nothing twice', async (context) => {
    const site = await startTestServer(context);
    const first = await start(site, 'a', members(300));
    assert.equal(first.status, 202);
    await site.waitFor(first.json.jobId as string, hasEnded);
    const second = await start(site, 'a', members(300));
    assert.equal(second.status, 202);
    assert.equal(second.json.jobId, first.json.jobId);
    assert.equal((await jobs(site)).length, 1);
  });

  it('makes one job of 20 that come at once', async (context) => {
    const site = await startTestServer(context);
    const answers = await Promise.all(Array.from({ length: 20 }, () => start(site, 'race', members(2_000))));
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 202),
    );
    assert.equal(new Set(answers.map(({ json }) => json.jobId)).size, 1);
    const [job, ...others] = await jobs(site);
    assert.deepEqual(others, []);
    assert.equal((await site.waitFor(job?.jobId as string, hasEnded)).inserted, 2_000);
  });

  it('is refused with another body, and the first job stays', async (context) => {
    const site = await startTestServer(context);
    const first = await start(site, 'a', members(3));
    const other = await start(site, 'a', members(4));
    assert.equal(other.status, 409);
    assert.equal(other.json.error, 'IDEMPOTENCY_KEY_REUSED');
    assert.deepEqual(
      (await jobs(site)).map(({ jobId }) => jobId),
      [first.json.jobId],
    );
  });

  it('is refused with another plan, and the first job stays', async (context) => {
    const site = await startTestServer(context);
    const first = await start(site, 'a', members(3));
    const other = await start(site, 'a', members(3), '?mode=snapshot');
    assert.deepEqual([other.status, other.json.error], [409, 'IDEMPOTENCY_KEY_REUSED']);
    assert.deepEqual(
      (await jobs(site)).map(({ jobId }) => jobId),
      [first.json.jobId],
    );
  });

  it('is found again after a crash between the commit and the answer', async (context) => {
    let crashes = 1;
    const wrapStorage = (storage: Storage): Storage => ({
      ...storage,
      acceptOnce: async (argument) => {
        const job = await storage.acceptOnce(argument);
        if (crashes-- > 0) throw new SyncError('STORAGE_UNAVAILABLE', 'The answer was lost.');
        return job;
      },
    });
    const site = await startTestServer(context, { wrapStorage });
    assert.equal((await start(site, 'a', members(60))).status, 503);
    const { json } = await start(site, 'a', members(60));
    const [job, ...others] = await jobs(site);
    assert.equal(job?.jobId, json.jobId);
    assert.deepEqual(others, []);
    await site.server.parts.sweep.wakeDueJobs();
    assert.equal((await site.waitFor(json.jobId as string, hasEnded)).inserted, 60);
  });

  it('may be used again once a start was refused', async (context) => {
    const site = await startTestServer(context);
    assert.equal((await start(site, 'a', [])).status, 400);
    assert.equal((await start(site, 'a', members(2))).status, 202);
  });

  it('is a key of its site alone', async (context) => {
    const site = await startTestServer(context);
    const { key } = await site.server.parts.sites.add('https://other.example');
    const other = new TestSite(site.url, key);
    const first = await start(site, 'a', members(2));
    const second = await start(other, 'a', members(2));
    assert.notEqual(second.json.jobId, first.json.jobId);
  });

  it('is remembered for 30 days, and no longer', async (context) => {
    let days = 0;
    const clock = { ...systemClock, now: () => Date.now() + days * DAY_MS };
    const site = await startTestServer(context, { clock });
    const first = await start(site, 'a', members(2));
    days = 29.9;
    await site.server.parts.sweep.dropOld();
    assert.equal((await start(site, 'a', members(2))).json.jobId, first.json.jobId);
    days = 30.1;
    assert.notEqual((await start(site, 'a', members(2))).json.jobId, first.json.jobId);
  });

  for (const key of ['', 'x'.repeat(256), 'naïve']) {
    it(`is refused when the key is ${key === '' ? 'empty' : key.slice(0, 10)}`, async (context) => {
      const site = await startTestServer(context);
      const { status, json } = await start(site, key, members(1));
      assert.equal(status, 400);
      assert.equal(json.error, 'IDEMPOTENCY_KEY_INVALID');
    });
  }
});

async function start(site: TestSite, key: string, records: object[], query = '') {
  const response = await site.fetch(`/artly/sync/points-balances/start${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(records),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function jobs(site: TestSite): Promise<{ jobId: string }[]> {
  return (await site.call('/artly/sync/jobs')).json.jobs as { jobId: string }[];
}
