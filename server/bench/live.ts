import { PostgresServer } from '../tests/support/postgresServer.ts';
import { type LiveWatcher, openEvents, openSilent, openSocket } from './liveWatchers.ts';
import { ProductServer, ProductSite } from './product.ts';
import { partOf } from './records.ts';
import { judge, percentile, say } from './report.ts';

const JOBS = 20;
const RECORDS = 50_000;
/** Half by events, half by WebSocket, spread over the jobs. */
const WATCHERS = 1_000;
const LIMIT_ARRIVAL_MS = 250;
const SILENT = 200;
const LIMIT_SILENT_MEGABYTES = 50;
/** What of their memory may stay when they have gone and the same work runs without them. */
const LIMIT_LEFT_MEGABYTES = 50;
const OPEN_AT_ONCE = 50;
const SAMPLE_MS = 20;
const SETTINGS = { ARTLY_MAX_WATCHERS: '10000' };

/**
 * Watchers, while the jobs that they watch run. From commit to arrival is reckoned from `updatedAt`, which is taken
 * just before the batch is applied: so the time it takes to apply and commit it is in the number too.
 */
export async function live(): Promise<void> {
  say(`\n${WATCHERS} watchers on ${JOBS} running jobs of ${RECORDS} records, on SQLite:`);
  await withServer(SETTINGS, (server) => watchers(server, judge));
  await withServer(SETTINGS, silent);
  say('  The same on PostgreSQL, all on this machine:');
  const postgres = await PostgresServer.start({ durable: true });
  const settings = { ...SETTINGS, DATABASE_URL: await postgres.database() };
  await withServer(settings, (server) => watchers(server, (line) => say(`  ${line}`)));
  await postgres.remove();
}

/** The same work three times: without watchers, with them, and without them again. */
async function watchers(server: ProductServer, report: (line: string, kept: boolean) => void): Promise<void> {
  const sites: ProductSite[] = [];
  for (let at = 0; at < JOBS; at += 1) sites.push(await server.site(`https://shop${at}.example`));
  await runAll(sites, await jobsOf(sites, 1));
  const before = server.memory();
  const { all, open } = await watchedRound(server, sites, 2);
  reportVersions(all, report);
  // Garbage stays until there is work for which room is needed.
  const again = withNewConnections(sites);
  const { lowest } = await memoryWhile(server, async () => runAll(again, await jobsOf(again, 3)));
  const left = Math.round(lowest - before);
  const memory = `${Math.round(before)} MB before, ${Math.round(open - before)} more with all of them, ${left} more when they had gone`;
  report(`memory: ${memory} (limit ${LIMIT_LEFT_MEGABYTES} MB)`, left <= LIMIT_LEFT_MEGABYTES);
}

/** Jobs that are watched from their first change to their end, and the memory while all are connected. */
async function watchedRound(server: ProductServer, sites: ProductSite[], round: number) {
  const jobIds = await jobsOf(sites, round);
  const all = await watchAll(sites, jobIds);
  const open = server.memory();
  await runAll(sites, jobIds);
  await Promise.all(all.map(({ ended }) => ended));
  return { all, open };
}

function reportVersions(all: LiveWatcher[], report: (line: string, kept: boolean) => void): void {
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
}

/** A connection that nobody used for some seconds may be closed by the server just when it is used again. */
function withNewConnections(sites: ProductSite[]): ProductSite[] {
  return sites.map(({ url, key }) => new ProductSite(url, key));
}

async function watchAll(sites: ProductSite[], jobIds: string[]): Promise<LiveWatcher[]> {
  const all: LiveWatcher[] = [];
  while (all.length < WATCHERS) {
    const opening = Array.from({ length: OPEN_AT_ONCE }, (_, at) => {
      const [site, jobId] = [sites[at % JOBS] as ProductSite, jobIds[at % JOBS] as string];
      return all.length < WATCHERS / 2 ? openEvents(site, jobId) : openSocket(site, jobId);
    });
    all.push(...(await Promise.all(opening)));
  }
  return all;
}

/** Readers that never read, while a job changes all that it has. */
async function silent(server: ProductServer): Promise<void> {
  const sites = [await server.site('https://shop.example')];
  const [site] = sites as [ProductSite];
  await runAll(sites, await jobsOf(sites, 1));
  const without = await memoryWhile(server, async () => runAll(sites, await jobsOf(sites, 2)));
  const withThem = await memoryWhile(server, async () => {
    const jobIds = await jobsOf(sites, 3);
    const readers = Array.from({ length: SILENT }, (_, at) => openSilent(site, jobIds[0] as string, at));
    const opened = await Promise.all(readers);
    await runAll(sites, jobIds);
    for (const reader of opened) reader.destroy();
  });
  const more = withThem.highest - without.highest;
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

/** A job of each site, whose records came and which waits for its commit: so it can be watched from its first change. */
async function jobsOf(sites: ProductSite[], round: number): Promise<string[]> {
  const body = partOf(1, RECORDS, round);
  const jobIds: string[] = [];
  for (const site of sites) {
    const { json } = await site.post('/artly/sync/jobs', { type: 'points-balances' });
    const headers = { 'content-type': 'application/json' };
    await site.send({ method: 'PUT', path: `/artly/sync/jobs/${json.jobId}/batches/0`, body, headers });
    jobIds.push(json.jobId as string);
  }
  return jobIds;
}

/** Commits all of them, and resolves when they have ended. */
async function runAll(sites: ProductSite[], jobIds: string[]): Promise<void> {
  const runs = sites.map(async (site, at) => {
    const jobId = jobIds[at] as string;
    await site.post(`/artly/sync/jobs/${jobId}/commit`, { batches: 1, records: RECORDS });
    await site.watch(jobId, 100);
  });
  await Promise.all(runs);
}

/** The lowest and the highest memory that were seen during `work`. */
async function memoryWhile(server: ProductServer, work: () => Promise<unknown>) {
  const seen = { lowest: Infinity, highest: 0 };
  const sampling = setInterval(() => {
    const now = server.memory();
    seen.lowest = Math.min(seen.lowest, now);
    seen.highest = Math.max(seen.highest, now);
  }, SAMPLE_MS);
  await work();
  clearInterval(sampling);
  return seen;
}
