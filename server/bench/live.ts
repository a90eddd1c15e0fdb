import { setTimeout as pause } from 'node:timers/promises';
import { PostgresServer } from '../tests/support/postgresServer.ts';
import { type LiveWatcher, openEvents, openSilent, openSocket } from './liveWatchers.ts';
import { ProductServer, type ProductSite } from './product.ts';
import { bodyOf } from './records.ts';
import { judge, percentile, say } from './report.ts';

const JOBS = 20;
const RECORDS = 200_000;
/** Half by events, half by WebSocket, spread over the jobs. */
const WATCHERS = 1_000;
const LIMIT_ARRIVAL_MS = 250;
const SILENT = 200;
const LIMIT_SILENT_MEGABYTES = 50;
/** What of the watchers' memory may stay when they have gone, and how long that may take. */
const LIMIT_LEFT_MEGABYTES = 20;
const GONE_MS = 30_000;
const OPEN_AT_ONCE = 50;
const SAMPLE_MS = 20;
const SETTINGS = { ARTLY_MAX_WATCHERS: '10000' };

/**
 * Watchers, while the jobs that they watch run. From commit to arrival is reckoned from `updatedAt`, which is taken
 * just before the batch is applied: so the time it takes to apply and commit it is in the number too.
 */
export async function live(): Promise<void> {
  say(`\n${WATCHERS} watchers on ${JOBS} running jobs of ${RECORDS} records, on SQLite:`);
  await withServer(SETTINGS, async (server) => {
    await watchers(server, judge);
    await silent(server);
  });
  say('  On PostgreSQL, all on this machine:');
  const postgres = await PostgresServer.start({ durable: true });
  const settings = { ...SETTINGS, DATABASE_URL: await postgres.database() };
  await withServer(settings, (server) => watchers(server, (line) => say(`  ${line}`)));
  await postgres.remove();
}

async function watchers(server: ProductServer, report: (line: string, kept: boolean) => void): Promise<void> {
  const sites = await sitesOf(server, JOBS);
  // The same work without watchers, so that what is compared has run before.
  await runAll(sites, 1);
  const before = server.memory();
  const jobIds = await startAll(sites, 2);
  const all: LiveWatcher[] = [];
  const wanted = Array.from({ length: WATCHERS }, (_, at) => at);
  await inSlices(wanted, async (at) => {
    const site = sites[at % JOBS] as ProductSite;
    const jobId = jobIds[at % JOBS] as string;
    all.push(at < WATCHERS / 2 ? await openEvents(site, jobId) : await openSocket(site, jobId));
  });
  const open = server.memory();
  await Promise.all(all.map(({ ended }) => ended));
  const arrivals = all.flatMap((watcher) => watcher.arrivals);
  const p99 = percentile(arrivals, 0.99);
  const times = `p50 ${percentile(arrivals, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`;
  report(
    `${arrivals.length} changes arrived, from the commit on: ${times} (limit ${LIMIT_ARRIVAL_MS} ms)`,
    p99 <= LIMIT_ARRIVAL_MS,
  );
  const wrong = all.filter(({ backwards }) => backwards).length;
  const unended = all.filter(({ sawEnd }) => !sawEnd).length;
  report(`watchers that saw a version twice or backwards: ${wrong} (limit 0)`, wrong === 0);
  report(`watchers that missed the final state: ${unended} (limit 0)`, unended === 0);
  const left = (await lowest(server, GONE_MS, before + LIMIT_LEFT_MEGABYTES)) - before;
  const memory = `${Math.round(before)} MB before, ${Math.round(open)} with all of them, ${left.toFixed(0)} more left after`;
  report(`memory: ${memory} (limit ${LIMIT_LEFT_MEGABYTES} MB)`, left <= LIMIT_LEFT_MEGABYTES);
}

/** Readers that never read, while one job after the other changes all that it has. */
async function silent(server: ProductServer): Promise<void> {
  const [site] = (await sitesOf(server, 1)) as [ProductSite];
  const without = await peakWhile(server, () => runAll([site], 1));
  const [jobId] = (await startAll([site], 2)) as [string];
  const sockets = await Promise.all(Array.from({ length: SILENT }, () => openSilent(site, jobId)));
  const withThem = await peakWhile(server, () => site.watch(jobId, SAMPLE_MS));
  for (const socket of sockets) socket.destroy();
  const more = withThem - without;
  const line = `${SILENT} readers that never read: ${more.toFixed(0)} MB more`;
  judge(`${line} (limit ${LIMIT_SILENT_MEGABYTES} MB)`, more <= LIMIT_SILENT_MEGABYTES);
}

async function withServer(
  settings: NodeJS.ProcessEnv,
  work: (server: ProductServer) => Promise<void>,
): Promise<void> {
  const server = await ProductServer.start(settings);
  await work(server);
  await server.stop();
}

let sitesMade = 0;

async function sitesOf(server: ProductServer, count: number): Promise<ProductSite[]> {
  const sites: ProductSite[] = [];
  for (let at = 0; at < count; at += 1) {
    sitesMade += 1;
    sites.push(await server.site(`https://shop${sitesMade}.example`));
  }
  return sites;
}

async function startAll(sites: ProductSite[], round: number): Promise<string[]> {
  const body = bodyOf(RECORDS, round);
  return Promise.all(sites.map((site) => site.start(body)));
}

async function runAll(sites: ProductSite[], round: number): Promise<void> {
  const jobIds = await startAll(sites, round);
  await Promise.all(sites.map((site, at) => site.watch(jobIds[at] as string, 100)));
}

async function inSlices<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += OPEN_AT_ONCE) {
    await Promise.all(items.slice(at, at + OPEN_AT_ONCE).map(work));
  }
}

async function peakWhile(server: ProductServer, work: () => Promise<unknown>): Promise<number> {
  let peak = server.memory();
  const sampling = setInterval(() => {
    peak = Math.max(peak, server.memory());
  }, SAMPLE_MS);
  await work();
  clearInterval(sampling);
  return peak;
}

/** The lowest memory seen within a time, or the first one that is low enough. */
async function lowest(server: ProductServer, withinMs: number, enough: number): Promise<number> {
  const deadline = Date.now() + withinMs;
  let found = server.memory();
  while (found > enough && Date.now() < deadline) {
    await pause(200);
    found = Math.min(found, server.memory());
  }
  return found;
}
