import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { LeakyProxy, type Swallowed } from '../notices/leakyProxy.ts';
import { MemberShop, type ShopMember } from '../support/memberShop.ts';
import { PostgresServer, query } from '../support/postgresServer.ts';
import type { ServerProcess } from '../support/serverProcess.ts';
import { members, TestSite } from '../support/testServer.ts';
import { JobLookout, type SeenJob } from './jobLookout.ts';
import { processGroup } from './processGroup.ts';

const RECORDS = 100_000;
/** The longest that a job may stand still once its connections, or those of another worker, are well. */
const STILL_MS = 20_000;
/** Within so long, readyz tells that the database can't be reached, and that it can again. */
const READY_MS = 10_000;

const server = await PostgresServer.start({ durable: true });
after(() => server.remove());

describe('connections to PostgreSQL that are lost', { concurrency: 2 }, () => {
  test('a database that restarts again and again: no process exits, readyz tells, and all jobs end', async (t) => {
    const fragile = await PostgresServer.start({ durable: true });
    t.after(() => fragile.remove());
    const { shop, sites, lookout } = await busyShop(t, fragile, { workers: 2 });
    for (const how of ['fast', 'immediate', 'fast'] as const) {
      await pause(1_000);
      await fragile.stop(how);
      const away = await untilReadyIs(shop.site, 503);
      await fragile.restart();
      const back = await untilReadyIs(shop.site, 200);
      t.diagnostic(`${how}: readyz was 503 after ${away} ms, 200 again after ${back} ms`);
    }
    await allEndRight(t, { sites, lookout, processes: shop.all });
  });

  test('connections that are ended again and again in the middle of jobs cost none of them', async (t) => {
    const { shop, sites, lookout } = await busyShop(t, server, { workers: 2 });
    let ended = 0;
    for (let round = 0; round < 12; round += 1) {
      await pause(400);
      const [row] = await query(shop.databaseUrl, END_ALL);
      ended += row?.ended as number;
    }
    t.diagnostic(`${ended} connections were ended`);
    assert.ok(ended > 20);
    await allEndRight(t, { sites, lookout, processes: shop.all });
  });

  test('jobs of workers whose connections go silent are done by one with good connections', async (t) => {
    const { shop, sites, lookout } = await busyShop(t, server, { workers: 0 });
    const ways = ['both', 'toServer', 'toClient'] as const;
    const silent = await Promise.all(ways.map((what) => behindProxy(t, shop, what)));
    await lookout.until((jobs) => jobs.every(({ processed }) => processed > 0));
    for (const { proxy, what } of silent) proxy.swallow(what, { newOnes: true });
    const good = await shop.addWorker();
    const processes = [...shop.all, good, ...silent.map(({ worker }) => worker)];
    await allEndRight(t, { sites, lookout, processes });
    for (const { proxy } of silent) proxy.heal();
    await good.stop('SIGTERM');
    await startAll(sites, RECORDS / 10, 1);
    await lookout.untilAllEnded(2 * sites.length, STILL_MS);
  });

  // A short silence is the harder one: who asked just before it ended still waits for an answer.
  for (const silentMs of [2_000, 12_000]) {
    test(`when all connections go silent for ${silentMs / 1000} s, readyz tells, and then jobs go on`, async (t) => {
      const { shop, sites, lookout } = await busyShop(t, server, { workers: 0 });
      const { proxy, worker } = await behindProxy(t, shop, 'both');
      const api = await shop.addApi(proxy.before(shop.databaseUrl));
      const site = new TestSite(api.url, shop.site.key);
      assert.equal(await readyStatus(site), 200);
      await lookout.until(someProgress);
      proxy.swallow('both', { newOnes: true });
      const gone = untilReadyIs(site, 503);
      await pause(silentMs);
      proxy.heal();
      lookout.forget();
      const back = gone.then(() => untilReadyIs(site, 200));
      t.diagnostic(`readyz was 503 after ${await gone} ms, and then 200 after ${await back} ms`);
      await allEndRight(t, { sites, lookout, processes: [...shop.all, api.server, worker] });
    });
  }
});

const END_ALL = `
  SELECT count(pg_terminate_backend(pid))::integer AS ended FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'artly-sync%'`;

type Shop = Awaited<ReturnType<typeof processGroup>>;

/** A job of each of some sites, and who watches over them. */
async function busyShop(t: TestContext, postgres: PostgresServer, { workers }: { workers: number }) {
  const shop = await processGroup(t, { workers, postgres });
  const sites = [shop.site, ...(await shop.addSites(3))];
  const lookout = new JobLookout(shop.databaseUrl).start();
  t.after(() => lookout.stop());
  await startAll(sites, RECORDS, 0);
  return { shop, sites, lookout };
}

function startAll(sites: TestSite[], count: number, more: number): Promise<string[]> {
  return Promise.all(sites.map((site) => site.start(members(count, { balance: (id) => id * 10 + more }))));
}

async function behindProxy(t: TestContext, shop: Shop, what: Swallowed) {
  const proxy = await LeakyProxy.start(Number(new URL(shop.databaseUrl).port));
  t.after(() => proxy.stop());
  return { proxy, what, worker: await shop.addWorker(proxy.before(shop.databaseUrl)) };
}

async function allEndRight(
  t: TestContext,
  { sites, lookout, processes }: { sites: TestSite[]; lookout: JobLookout; processes: ServerProcess[] },
): Promise<void> {
  const jobs = await lookout.untilAllEnded(sites.length, 60_000);
  t.diagnostic(`longest stand-still: ${lookout.longest}; attempts ${jobs.map((job) => job.attempt)}`);
  assert.deepEqual(
    jobs.map(({ status, processed }) => [status, processed]),
    sites.map(() => ['completed', RECORDS]),
  );
  assert.ok(lookout.longestMs < STILL_MS, `a job stood still: ${lookout.longest}`);
  const shop = members(RECORDS) as ShopMember[];
  for (const site of sites) {
    const found = await new MemberShop(shop, (path, init) => site.fetch(path, init)).sendDifferences();
    assert.equal(found, undefined, 'the balances are those of the shop');
  }
  const exited = await Promise.race([Promise.any(processes.map((each) => each.exited)), pause(10)]);
  assert.equal(exited, undefined, 'no process exits');
}

const someProgress = (jobs: SeenJob[]) => jobs.some(({ processed }) => processed > 0);

async function readyStatus(site: TestSite): Promise<number> {
  return (await site.fetch('/readyz')).status;
}

/** Asks until readyz answers so, and gives the milliseconds it took. */
async function untilReadyIs(site: TestSite, status: number): Promise<number> {
  const startedAt = performance.now();
  while ((await readyStatus(site)) !== status) {
    const ms = performance.now() - startedAt;
    assert.ok(ms < READY_MS, `readyz does not become ${status} within ${READY_MS} ms`);
    await pause(50);
  }
  const ms = performance.now() - startedAt;
  assert.ok(ms < READY_MS, `readyz took ${ms} ms to become ${status}`);
  return Math.round(ms);
}
