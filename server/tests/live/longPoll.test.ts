import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { hasEnded, type JobJson, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { RestingWorker } from './restingWorker.ts';

const RECORDS = 500;

describe('A long poll', () => {
  it('is answered at once where the job is newer, and as soon as it changes where it is not', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(RECORDS));
    const { version } = await shop.waitFor(jobId, ({ status }) => status === 'running');
    assert.equal((await poll(shop, jobId, { version: version - 1, wait: 25 })).job.version, version);
    const waiting = poll(shop, jobId, { version, wait: 25 });
    while (shop.server.parts.watchers.open.poll === 0) await new Promise((resolve) => setImmediate(resolve));
    worker.let(1);
    const { job, took } = await waiting;
    assert.equal(job.version, version + 1);
    assert.ok(took < 10_000);
    assert.equal(shop.server.parts.watchers.open.poll, 0);
    worker.letAll();
  });

  it('sees every state to the end, each newer than the one before', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(RECORDS));
    let job = (await poll(shop, jobId, { version: 0, wait: 5 })).job;
    while (!hasEnded(job)) {
      const { version } = job;
      job = (await poll(shop, jobId, { version, wait: 5 })).job;
      assert.ok(job.version > version);
    }
    assert.deepEqual(job, await shop.job(jobId));
  });

  it('is answered with the job as it is when the time is over, also where it has ended', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const done = await shop.waitFor(jobId, hasEnded);
    const { job, took } = await poll(shop, jobId, { version: done.version, wait: 1 });
    assert.deepEqual(job, done);
    assert.ok(took >= 950, `${took}`);
  });

  it('of a job that has ended hears of its retry', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(RECORDS));
    await shop.call(`/artly/sync/jobs/${jobId}/cancel`, {});
    const { version } = await shop.job(jobId);
    const waiting = poll(shop, jobId, { version, wait: 25 });
    await shop.call(`/artly/sync/jobs/${jobId}/retry`, {});
    assert.ok((await waiting).job.version > version);
    worker.letAll();
  });

  it('is forgotten when its client goes away', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(1));
    const path = `/artly/sync/points-balances/status?jobId=${jobId}&version=99&wait=25`;
    const { watchers } = shop.server.parts;
    const asking = request(`${shop.url}${path}`, { headers: { 'x-artly-secret': shop.key } }).end();
    while (watchers.open.poll === 0) await new Promise((resolve) => setImmediate(resolve));
    asking.on('error', () => undefined).destroy();
    while (watchers.open.poll > 0) await new Promise((resolve) => setImmediate(resolve));
    worker.letAll();
  });

  it('is refused where its numbers are none', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    for (const query of [
      'version=1&wait=0',
      'version=1&wait=26',
      'version=1&wait=x',
      'wait=5',
      'version=-1',
    ]) {
      const path = `/artly/sync/points-balances/status?jobId=${jobId}&${query}`;
      const { status, json } = await shop.call(path);
      assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER'], query);
    }
    const unknown = '/artly/sync/points-balances/status?jobId=none&version=0&wait=5';
    assert.equal((await shop.call(unknown)).status, 404);
  });
});

describe('A job that did not change', () => {
  it('is 304 without a body, at both of its addresses, by its version', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const { version } = await shop.waitFor(jobId, hasEnded);
    for (const path of [`/artly/sync/points-balances/status?jobId=${jobId}`, `/artly/sync/jobs/${jobId}`]) {
      const tag = `"${version}"`;
      assert.equal((await shop.fetch(path)).headers.get('etag'), tag);
      for (const header of [tag, `W/${tag}`, `"1", ${tag}`]) {
        const response = await shop.fetch(path, { headers: { 'if-none-match': header } });
        assert.deepEqual([response.status, response.headers.get('etag')], [304, tag], header);
        assert.equal(await response.text(), '');
      }
      const changed = await shop.fetch(path, { headers: { 'if-none-match': '"1"' } });
      assert.equal(((await changed.json()) as { job: JobJson }).job.version, version);
    }
  });
});

async function poll(shop: TestSite, jobId: string, { version, wait }: { version: number; wait: number }) {
  const from = performance.now();
  const path = `/artly/sync/points-balances/status?jobId=${jobId}&version=${version}&wait=${wait}`;
  const { status, json } = await shop.call(path);
  assert.equal(status, 200);
  return { job: json.job as JobJson, took: performance.now() - from };
}
