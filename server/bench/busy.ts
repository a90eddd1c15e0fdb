import { setTimeout as pause } from 'node:timers/promises';
import { hasEnded, ProductServer, type ProductSite } from './product.ts';
import { BodyFiles, bodyOf } from './records.ts';
import { judge, percentile, say } from './report.ts';

const LARGE = 1_000_000;
const HUGE = 5_000_000;
const STARTS = 120;
const START_RECORDS = 10_000;
const LIMIT_START_MS = 150;
const CANCELS = 40;
const LIMIT_CANCEL_MS = 100;
/** A cancel falls at a random moment of this time after the start was answered, in ms. */
const CANCEL_WITHIN_MS = 700;
const OTHER_RECORDS = 5_000;
const LIMIT_OTHER_MS = 2_000;
const WATCH_EVERY_MS = 20;

/** What others have to wait while a large job runs. */
export async function busy(): Promise<void> {
  say('\nWhile a large job of another site runs:');
  await starts();
  await otherSite();
  say(`\nCancel of a job of ${LARGE} records, at random moments:`);
  await cancels();
}

/** Starts of 10,000 records by one site, while jobs of a million of another come in and run. */
async function starts(): Promise<void> {
  await withTwoSites(async (large, small) => {
    const stop = new AbortController();
    const working = keepBusy(large, stop.signal);
    const bodies = [bodyOf(START_RECORDS, 1), bodyOf(START_RECORDS, 2)] as const;
    const waits: number[] = [];
    for (let at = 0; at < STARTS; at += 1) {
      waits.push((await small.startTimed(bodies[at % 2 === 0 ? 0 : 1])).milliseconds);
      await pause(Math.random() * 100);
    }
    stop.abort();
    await working;
    const p99 = percentile(waits, 0.99);
    const line = `start of ${START_RECORDS} records: ${STARTS} answers, p50 ${percentile(waits, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`;
    judge(`${line} (limit ${LIMIT_START_MS} ms)`, p99 <= LIMIT_START_MS);
  });
}

/** One job of a million after the other, all of them changing every balance. */
async function keepBusy(site: ProductSite, signal: AbortSignal): Promise<void> {
  const bodies = [bodyOf(LARGE, 1), bodyOf(LARGE, 2)] as const;
  for (let at = 0; !signal.aborted; at += 1) {
    await site.watch(await site.start(bodies[at % 2 === 0 ? 0 : 1]), WATCH_EVERY_MS);
  }
}

/** Whole small jobs, from the first byte to their end, while one of five million runs. */
async function otherSite(): Promise<void> {
  const files = new BodyFiles();
  await files.write('JSON', HUGE);
  await withTwoSites(async (huge, small) => {
    const { body, headers } = files.open('JSON', HUGE);
    const jobId = await huge.start(body, headers);
    const times: number[] = [];
    const bodies = [bodyOf(OTHER_RECORDS, 1), bodyOf(OTHER_RECORDS, 2)] as const;
    while (!hasEnded((await huge.status(jobId)).job)) {
      const from = performance.now();
      await small.watch(await small.start(bodies[times.length % 2 === 0 ? 0 : 1]), WATCH_EVERY_MS);
      times.push(performance.now() - from);
      await pause(100);
    }
    const longest = Math.max(...times);
    const line = `whole jobs of ${OTHER_RECORDS} records beside one of ${HUGE}: ${times.length}, longest ${Math.round(longest)} ms`;
    judge(`${line} (limit ${LIMIT_OTHER_MS} ms)`, longest <= LIMIT_OTHER_MS);
  });
  files.remove();
}

async function cancels(): Promise<void> {
  const server = await ProductServer.start();
  const site = await server.site('https://shop.example');
  const bodies = [bodyOf(LARGE, 1), bodyOf(LARGE, 2)] as const;
  const waits: number[] = [];
  let changedAfter = 0;
  let between = 0;
  for (let at = 0; at < CANCELS; at += 1) {
    const jobId = await site.start(bodies[at % 2 === 0 ? 0 : 1]);
    await pause(Math.random() * CANCEL_WITHIN_MS);
    waits.push((await site.post('/artly/sync/points-balances/cancel', { jobId })).milliseconds);
    const before = await picture(site, jobId);
    await pause(50);
    if ((await picture(site, jobId)) !== before) changedAfter += 1;
    const { job } = await site.status(jobId);
    if (job.processed > 0 && job.processed < LARGE) between += 1;
  }
  await server.stop();
  const p99 = percentile(waits, 0.99);
  const line = `${CANCELS} cancels, ${between} of them between the first and the last batch: p50 ${percentile(waits, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`;
  judge(`${line} (limit ${LIMIT_CANCEL_MS} ms)`, p99 <= LIMIT_CANCEL_MS);
  judge(`jobs or balances that changed after the answer: ${changedAfter} (limit 0)`, changedAfter === 0);
}

/** The job, and the checksums of all balances, as one text. */
async function picture(site: ProductSite, jobId: string): Promise<string> {
  const { job } = await site.status(jobId);
  const { json } = await site.send({ method: 'GET', path: '/artly/points-balances/checksums?size=10000' });
  return JSON.stringify([job, json.ranges]);
}

async function withTwoSites(work: (large: ProductSite, small: ProductSite) => Promise<void>): Promise<void> {
  const server = await ProductServer.start();
  await work(await server.site('https://large.example'), await server.site('https://small.example'));
  await server.stop();
}
