import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EventClient, SocketClient, ticketFor } from '../live/liveClients.ts';
import { CUTS, watchEventsCutOften, watchSocketCutOften } from '../live/watcherCutOften.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, type JobJson, members, TestSite } from '../support/testServer.ts';
import { processGroup } from './processGroup.ts';

/** So many that the job outlasts the cuts, on a quick machine too. */
const LARGE = 800_000;
const SMALL = 20_000;
const TRIES = 10;

const postgres = await PostgresServer.start();
after(() => postgres.remove());

describe('watchers of two API processes, while a worker in a third does the work', () => {
  test(`who is cut off ${CUTS} times, and comes to another process each time, misses and doubles nothing`, async (t) => {
    const { sites } = await twoApis(t);
    const [first] = sites;
    const jobId = await first.start(members(LARGE));
    const seen = await Promise.all([
      watchEventsCutOften({ jobId, sites }),
      watchSocketCutOften(t, { jobId, sites: sites.toReversed() }),
    ]);
    for (const job of seen) assert.deepEqual(job, await first.job(jobId));
  });

  test('all see the final state, by whatever way and process they watch', async (t) => {
    const { sites } = await twoApis(t);
    const [first] = sites;
    const jobId = await first.start(members(SMALL));
    const ways = sites.flatMap((site) => [
      byEvents(site, jobId),
      bySocket(t, site, jobId),
      byPolls(site, jobId),
    ]);
    const seen = await Promise.all(ways);
    const done = await first.job(jobId);
    assert.equal(done.status, 'completed');
    for (const job of seen) assert.deepEqual(job, done);
  });

  test('a ticket that one process made is taken by one of them, once', async (t) => {
    const { sites } = await twoApis(t);
    const [first, second] = sites;
    const jobId = await first.start(members(1));
    for (let at = 0; at < TRIES; at += 1) {
      const query = `?ticket=${await ticketFor(first, jobId)}`;
      const options = { key: false, query };
      const clients = await Promise.all(
        [first, second, first, second].map((site) => EventClient.open(site, jobId, options)),
      );
      assert.deepEqual(clients.map(({ status }) => status).sort(), [200, 401, 401, 401]);
      for (const client of clients) if (client.status === 200) await client.all();
    }
  });
});

async function twoApis(t: Parameters<typeof processGroup>[0]) {
  const { site, databaseUrl } = await processGroup(t, { workers: 1, postgres });
  const environment = { DATABASE_URL: databaseUrl, ARTLY_ROLE: 'api' };
  const other = await ServerProcess.start(t, { databaseFile: '', environment });
  const sites: [TestSite, TestSite] = [site, new TestSite(other.url, PROCESS_KEY)];
  return { sites };
}

async function byEvents(site: TestSite, jobId: string): Promise<JobJson | undefined> {
  return (await (await EventClient.open(site, jobId)).all()).at(-1)?.job;
}

async function bySocket(
  t: Parameters<typeof processGroup>[0],
  site: TestSite,
  jobId: string,
): Promise<JobJson | undefined> {
  const client = await SocketClient.open(t, site);
  client.send({ watch: jobId });
  return (await client.until(({ job }) => job && hasEnded(job))).job;
}

async function byPolls(site: TestSite, jobId: string): Promise<JobJson> {
  let job = await site.job(jobId);
  while (!hasEnded(job)) {
    const path = `/artly/sync/points-balances/status?jobId=${jobId}&version=${job.version}&wait=25`;
    job = (await site.call(path)).json.job as JobJson;
  }
  return job;
}
