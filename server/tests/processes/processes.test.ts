import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { runCli } from '../cli/runCli.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members } from '../support/testServer.ts';
import { processGroup } from './processGroup.ts';

const server = await PostgresServer.start();
after(() => server.remove());

describe('processes that share PostgreSQL', () => {
  test('a job that one process takes in is done by another, as the old endpoint hears', async (t) => {
    const shop = await processGroup(t, { workers: 1, postgres: server });
    const { status, json } = await shop.site.call('/artly/sync/points-balances', members(300));
    assert.deepEqual([status, json.updated], [200, 300]);
    assert.equal((await shop.site.balances()).size, 300);
  });

  test('say at their start what they run as, and never the password', async (t) => {
    const shop = await processGroup(t, { workers: 1, postgres: server });
    const [api, worker] = shop.all.map((each) => each.started);
    assert.deepEqual([api?.role, api?.workers, worker?.role, worker?.workers], ['api', 0, 'worker', 2]);
    assert.match(String(api?.database), /^postgres:\/\/127\.0\.0\.1:\d+\/test_\w+$/);
    assert.doesNotMatch(JSON.stringify([api, worker]), /hunter2/);
    assert.equal(worker?.url, undefined);
  });

  test('a worker answers health and metrics where it has a port, and no API', async (t) => {
    const url = await server.database();
    const { server: worker, url: address } = await ServerProcess.start(t, {
      databaseFile: '',
      environment: { DATABASE_URL: url, ARTLY_ROLE: 'worker' },
    });
    assert.ok(worker.pid > 0);
    const answers = ['/healthz', '/readyz', '/metrics', '/docs', '/artly/sync/jobs'].map((path) =>
      fetch(`${address}${path}`),
    );
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [200, 200, 200, 404, 404],
    );
  });

  test('share the jobs of many sites, and when a worker is killed the others do the rest', async (t) => {
    const shop = await processGroup(t, { workers: 2, postgres: server });
    const sites = [shop.site, ...(await shop.addSites(3))];
    const jobIds = await Promise.all(sites.map((site) => site.start(members(20_000))));
    await shop.site.waitFor(jobIds[0] as string, ({ processed }) => processed > 0);
    await shop.all[1]?.stop('SIGKILL');
    for (const [at, site] of sites.entries()) {
      const job = await site.waitFor(jobIds[at] as string, hasEnded);
      assert.deepEqual([job.status, job.processed], ['completed', 20_000]);
    }
  });

  test('a worker that is stopped hands its job to the next one, which goes on at once', async (t) => {
    const shop = await processGroup(t, { workers: 1, postgres: server });
    const jobId = await shop.site.start(members(500_000));
    await shop.site.waitFor(jobId, ({ processed }) => processed > 0);
    assert.deepEqual(await shop.all[1]?.stop('SIGTERM'), { code: 0, signal: null });
    const left = await shop.site.job(jobId);
    assert.equal(left.status, 'running');
    await shop.addWorker();
    const startedAt = performance.now();
    await shop.site.waitFor(jobId, ({ processed }) => processed > left.processed);
    assert.ok(performance.now() - startedAt < 1_500, 'without waiting for a lease to run out');
  });

  test('outlive a database that crashes in the middle of a job', async (t) => {
    const fragile = await PostgresServer.start({ durable: true });
    t.after(() => fragile.remove());
    const shop = await processGroup(t, { workers: 1, postgres: fragile });
    const jobId = await shop.site.start(members(300_000));
    await shop.site.waitFor(jobId, ({ processed }) => processed > 0);
    await fragile.stop('immediate');
    await fragile.restart();
    const job = await shop.site.waitFor(jobId, hasEnded);
    assert.deepEqual([job.status, job.processed, job.inserted], ['completed', 300_000, 300_000]);
    const { status, json } = await shop.site.call('/artly/sync/points-balances', members(10));
    assert.deepEqual([status, json.updated], [200, 10]);
  });

  test('sites are let in by the command line', async () => {
    const DATABASE_URL = await server.database();
    const added = await runCli(['sites', 'add', 'https://shop.example'], { DATABASE_URL });
    assert.equal(added.code, 0, added.stderr);
    const listed = await runCli(['sites', 'list'], { DATABASE_URL });
    assert.match(listed.stdout, /^https:\/\/shop\.example {2}never seen/);
  });
});
