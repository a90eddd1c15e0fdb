import { bare } from './bare.ts';
import { ProductServer } from './product.ts';
import { bodyOf } from './records.ts';
import { judge, median, percentile, say, seconds } from './report.ts';

const RECORDS = 1_000_000;
const SINGLE_RECORDS = 20_000;
/** A rollback journal is so slow that few records tell enough. */
const SINGLE_DEFAULT_RECORDS = 2_000;
const ROUNDS = 3;
const LIMIT_RATIO = 1.8;
const LIMIT_SINGLE = 250;
const LIMIT_STATUS_MS = 25;
/** A change is on the page when the next poll has it: this is what polling adds. */
const LIMIT_CHANGE_MS = 250;
const WATCH_EVERY_MS = 20;

const CASES = ['new', 'changed', 'same'] as const;
type Case = (typeof CASES)[number];
type Times = Record<Case, number>;
const SETTLED = { new: 'inserted', changed: 'updated', same: 'unchanged' } as const;

interface Run {
  /** Seconds to `completed`, and to the answer of the start. */
  times: Times;
  received: Times;
  /** What each look at the status took, and the time between two changes that a watcher saw, in ms. */
  waits: number[];
  gaps: number[];
  memory: number;
}

/** One job of each case on a fresh server. */
async function product(bodies: Record<Case, Buffer>): Promise<Run> {
  const server = await ProductServer.start();
  const site = await server.site('https://shop.example');
  const run: Run = { times: none(), received: none(), waits: [], gaps: [], memory: 0 };
  for (const kind of CASES) {
    const from = performance.now();
    const jobId = await site.start(bodies[kind]);
    run.received[kind] = (performance.now() - from) / 1000;
    let last = { version: 0, at: performance.now() };
    const job = await site.watch(jobId, WATCH_EVERY_MS, ({ job: { version }, milliseconds }) => {
      run.waits.push(milliseconds);
      if (version === last.version) return;
      run.gaps.push(performance.now() - last.at);
      last = { version, at: performance.now() };
    });
    run.times[kind] = (performance.now() - from) / 1000;
    if (job[SETTLED[kind]] !== RECORDS) throw new Error(`${kind}: ${JSON.stringify(job)}`);
  }
  run.memory = server.peakMemory();
  await server.stop();
  return run;
}

function none(): Times {
  return { new: 0, changed: 0, same: 0 };
}

/** What the whole way takes, against the bare bulk upsert and against a transaction a record. */
export async function speed(): Promise<void> {
  const bodies = { new: bodyOf(RECORDS, 1), changed: bodyOf(RECORDS, 2), same: bodyOf(RECORDS, 2) };
  // The first round warms up this process, which is the client of all that follow, and is not counted.
  await product(bodies);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({ bulk: (await bare('bulk', RECORDS)) as Times, ours: await product(bodies) });
  }
  say(`\n${RECORDS} balances, first byte of the start to completed, against the bare bulk upsert:`);
  for (const kind of CASES) {
    const ratio = median(rounds.map(({ bulk, ours }) => ours.times[kind] / bulk[kind]));
    const [ours, received, bulk] = [
      median(rounds.map((round) => round.ours.times[kind])),
      median(rounds.map((round) => round.ours.received[kind])),
      median(rounds.map((round) => round.bulk[kind])),
    ].map((value) => seconds(1000 * value));
    const line = `all ${kind.padEnd(8)} ${ours} (${received} until the answer) against ${bulk}: ${ratio.toFixed(2)}×`;
    judge(`${line} (limit ${LIMIT_RATIO}×)`, ratio <= LIMIT_RATIO);
  }
  await againstSingle(RECORDS / median(rounds.map(({ ours }) => ours.times.new)));
  watching(rounds.map(({ ours }) => ours));
}

async function againstSingle(ours: number): Promise<void> {
  say(
    `\nA transaction a record, which upserts it and counts it in its job; ours: ${Math.round(ours)} records/s:`,
  );
  const tuned = await bare('single', SINGLE_RECORDS);
  const untuned = await bare('singleDefault', SINGLE_DEFAULT_RECORDS);
  const rates = [
    SINGLE_RECORDS / (tuned.single ?? 0),
    SINGLE_DEFAULT_RECORDS / (untuned.single ?? 0),
  ] as const;
  say(
    `  with our settings (WAL): ${Math.round(rates[0])} records/s, ours ${Math.round(ours / rates[0])} times as many`,
  );
  const times = Math.round(ours / rates[1]);
  const line = `with SQLite’s own (rollback journal): ${Math.round(rates[1])} records/s, ours ${times} times as many`;
  judge(`${line} (limit ${LIMIT_SINGLE})`, times >= LIMIT_SINGLE);
}

function watching(runs: Run[]): void {
  const waits = runs.flatMap((run) => run.waits);
  const p99 = percentile(waits, 0.99);
  const longest = Math.max(...runs.flatMap((run) => run.gaps));
  say('\nWatching these jobs:');
  const p50 = percentile(waits, 0.5).toFixed(1);
  const line = `status: ${waits.length} answers, p50 ${p50} ms, p99 ${p99.toFixed(1)} ms`;
  judge(`${line} (limit ${LIMIT_STATUS_MS} ms)`, p99 <= LIMIT_STATUS_MS);
  const gap = `longest time without a change, polled every ${WATCH_EVERY_MS} ms: ${Math.round(longest)} ms`;
  judge(`${gap} (limit ${LIMIT_CHANGE_MS} ms)`, longest <= LIMIT_CHANGE_MS);
}
