import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { systemClock } from '../src/services/clock.ts';
import { SiteService } from '../src/services/siteService.ts';
import { openPostgresStorage } from '../src/storage/postgresStorage.ts';
import type { PostgresServer } from '../tests/support/postgresServer.ts';
import { hasEnded, ProductServer, ProductSite } from './product.ts';
import { bodyOf } from './records.ts';
import { judge, percentile, say } from './report.ts';

const LARGE = 1_000_000;
const LARGE_JOBS = 4;
const OTHER_RECORDS = 5_000;
const LIMIT_OTHER_MS = 2_000;
const WATCH_EVERY_MS = 20;

const TINY_RECORDS = 100;
const TINY_SITES = 100;
const TINY_JOBS_A_SITE = 4;
const WORKERS = [1, 2, 4];

/** pg-boss keeps house once a minute: a whole minute has its share of it. */
const IDLE_SECONDS = 60;

/** One API process and some worker processes on a database of their own: what many sites get of them. */
export async function postgresFleet(server: PostgresServer): Promise<void> {
  say(`\nProcesses on PostgreSQL, one for the API beside the workers:`);
  await besideLarge(server, { processes: 2, workersEach: 1 });
  await besideLarge(server, { processes: 2, workersEach: 2 });
  for (const workers of WORKERS) await tinyJobs(server, workers);
  await idle(server);
}

/**
 * Whole jobs of 5,000 of one site, one after the other, while the workers have four of a million. Two workers are what
 * two cores are for; with twice as many, which is the default, the cores have to be shared by five at once.
 */
async function besideLarge(
  server: PostgresServer,
  { processes, workersEach }: { processes: number; workersEach: number },
): Promise<void> {
  const url = await server.database();
  const api = await ProductServer.start({ DATABASE_URL: url, ARTLY_ROLE: 'api' });
  const workers = await startWorkers(url, { count: processes, ARTLY_WORKERS: String(workersEach) });
  const [small, ...large] = await sitesOf(url, { api, count: 1 + LARGE_JOBS });
  const body = bodyOf(LARGE, 1);
  const jobs = await Promise.all(large.map(async (site) => ({ site, jobId: await site.start(body) })));
  const times = await wholeJobs(small as ProductSite, async () => {
    const all = await Promise.all(jobs.map(async ({ site, jobId }) => (await site.status(jobId)).job));
    return !all.some(hasEnded);
  });
  for (const { site, jobId } of jobs) await site.watch(jobId, WATCH_EVERY_MS);
  for (const process of [...workers, api]) await process.stop();
  const longest = Math.max(...times);
  const told = `${times.length}, median ${Math.round(percentile(times, 0.5))} ms, longest ${Math.round(longest)} ms`;
  const line = `whole jobs of ${OTHER_RECORDS} records, while ${processes} processes of ${workersEach} have ${LARGE_JOBS} of ${LARGE}: ${told}`;
  if (workersEach === 1) judge(`${line} (limit ${LIMIT_OTHER_MS} ms)`, longest <= LIMIT_OTHER_MS);
  else say(`  ${line}`);
}

/** How long each takes from its first byte to its end, as long as `goesOn`. */
async function wholeJobs(site: ProductSite, goesOn: () => Promise<boolean>): Promise<number[]> {
  const bodies = [bodyOf(OTHER_RECORDS, 1), bodyOf(OTHER_RECORDS, 2)] as const;
  const times: number[] = [];
  while (await goesOn()) {
    const from = performance.now();
    await site.watch(await site.start(bodies[times.length % 2 === 0 ? 0 : 1]), WATCH_EVERY_MS);
    times.push(performance.now() - from);
    await pause(100);
  }
  return times;
}

/** Many small jobs of many sites wait; then the workers come. From the first that began to the last that ended. */
async function tinyJobs(server: PostgresServer, workers: number): Promise<void> {
  const url = await server.database();
  const api = await ProductServer.start({ DATABASE_URL: url, ARTLY_ROLE: 'api' });
  const sites = await sitesOf(url, { api, count: TINY_SITES });
  for (let at = 0; at < TINY_JOBS_A_SITE; at += 1) {
    const body = bodyOf(TINY_RECORDS, at);
    await Promise.all(sites.map((site) => site.start(body)));
  }
  const processes = await startWorkers(url, { count: workers, ARTLY_WORKERS: '1' });
  const count = TINY_SITES * TINY_JOBS_A_SITE;
  const milliseconds = await timeOfJobs(url, count);
  for (const process of [...processes, api]) await process.stop();
  const rate = Math.round(count / (milliseconds / 1000));
  say(`  ${count} jobs of ${TINY_RECORDS} records, ${workers} workers: ${rate} jobs/s`);
}

async function timeOfJobs(url: string, count: number): Promise<number> {
  const client = await connect(url);
  while (true) {
    const { rows } = await client.query<{ done: string; took: string }>(
      `SELECT count(*) FILTER (WHERE status = 'completed') AS done, max(completed_at) - min(started_at) AS took
       FROM artly.jobs`,
    );
    if (Number(rows[0]?.done) === count) {
      await client.end();
      return Number(rows[0]?.took);
    }
    await pause(50);
  }
}

/** What a process asks that nobody needs, each on a database of its own. */
async function idle(server: PostgresServer): Promise<void> {
  const client = await connect(server.url('postgres'));
  const roles = await Promise.all(
    ['api', 'worker'].map(async (role) => {
      const url = await server.database();
      return { role, url, process: await ProductServer.start({ DATABASE_URL: url, ARTLY_ROLE: role }) };
    }),
  );
  const transactions = async (url: string) => {
    const { rows } = await client.query<{ count: string }>(
      'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = $1',
      [new URL(url).pathname.slice(1)],
    );
    return Number(rows[0]?.count);
  };
  // What the start asked is told some seconds later.
  await pause(12_000);
  const before = await Promise.all(roles.map(({ url }) => transactions(url)));
  await pause(IDLE_SECONDS * 1_000);
  for (const [at, { role, url, process }] of roles.entries()) {
    const rate = ((await transactions(url)) - (before[at] ?? 0)) / IDLE_SECONDS;
    say(`  idle ${role}: ${rate.toFixed(1)} transactions/s, over ${IDLE_SECONDS} s`);
    await process.stop();
  }
  await client.end();
}

function startWorkers(
  url: string,
  { count, ...settings }: { count: number; ARTLY_WORKERS?: string },
): Promise<ProductServer[]> {
  const start = () => ProductServer.start({ DATABASE_URL: url, ARTLY_ROLE: 'worker', ...settings });
  return Promise.all(Array.from({ length: count }, start));
}

/** Lets sites in, as the command line does. */
async function sitesOf(
  url: string,
  { api, count }: { api: ProductServer; count: number },
): Promise<ProductSite[]> {
  const { storage, close } = await openPostgresStorage({ url });
  const service = new SiteService({ storage, clock: systemClock });
  const sites: ProductSite[] = [];
  for (let at = 0; at < count; at += 1) {
    const { key } = await service.add(`https://shop${at}.example`);
    sites.push(new ProductSite(api.url, key));
  }
  await close();
  return sites;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
