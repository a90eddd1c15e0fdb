import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import { ProductServer } from './product.ts';
import { bodyOf } from './records.ts';

/**
 * `npm run bench`: what the product takes from the first byte of a start to `completed`, as a ratio to the bare
 * bulk upsert of the same records, both measured in this run, side by side. Exits 1 when a limit is not kept.
 */
const RECORDS = 1_000_000;
const SINGLE_RECORDS = 20_000;
const ROUNDS = 3;
const LIMIT_RATIO = 2.5;
const LIMIT_STATUS_MS = 25;
const WATCH_EVERY_MS = 20;

type Case = 'new' | 'changed' | 'same';
type Times = Record<Case, number>;

async function bare(way: 'bulk' | 'single', count: number): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    'server/bench/bare.ts',
    way,
    String(count),
  ]);
  return JSON.parse(stdout);
}

/** One job of each case on a fresh server; seconds to `completed`, and every wait for a status in ms. */
async function product(
  bodies: Record<Case, Buffer>,
): Promise<{ times: Times; waits: number[]; memory: number }> {
  const server = await ProductServer.start();
  const waits: number[] = [];
  const times: Times = { new: 0, changed: 0, same: 0 };
  for (const kind of ['new', 'changed', 'same'] as const) {
    const from = performance.now();
    const watched = await server.watch(await server.start(bodies[kind]), WATCH_EVERY_MS);
    times[kind] = (performance.now() - from) / 1000;
    waits.push(...watched.waits);
    const settled = { new: 'inserted', changed: 'updated', same: 'unchanged' }[kind];
    if (watched.job[settled] !== RECORDS) throw new Error(`${kind}: ${JSON.stringify(watched.job)}`);
  }
  const memory = server.peakMemory();
  await server.stop();
  return { times, waits, memory };
}

function median(values: number[]): number {
  return percentile(values, 0.5);
}

function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

function report(line: string, kept?: boolean): void {
  process.stdout.write(`${line}${kept === undefined ? '' : kept ? '   kept' : '   NOT KEPT'}\n`);
  if (kept === false) process.exitCode = 1;
}

const bodies = { new: bodyOf(RECORDS, 1), changed: bodyOf(RECORDS, 2), same: bodyOf(RECORDS, 2) };
report(
  `Machine: ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}. ${ROUNDS} rounds after a warm-up, medians.`,
);
// The first round warms up this process, which is the client of all that follow, and is not counted.
await product(bodies);
const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  rounds.push({ bulk: (await bare('bulk', RECORDS)) as Times, ours: await product(bodies) });
}
const { single } = (await bare('single', SINGLE_RECORDS)) as { single: number };

report(
  `\n${RECORDS} balances, first byte of the start to completed, against the bare bulk upsert (limit ${LIMIT_RATIO}×):`,
);
for (const kind of ['new', 'changed', 'same'] as const) {
  const ratio = median(rounds.map(({ bulk, ours }) => ours.times[kind] / bulk[kind]));
  const ours = median(rounds.map((round) => round.ours.times[kind])).toFixed(2);
  const bulk = median(rounds.map((round) => round.bulk[kind])).toFixed(2);
  report(`  all ${kind.padEnd(8)} ${ours} s against ${bulk} s: ${ratio.toFixed(2)}×`, ratio <= LIMIT_RATIO);
}
const ourSeconds = median(rounds.map(({ ours }) => ours.times.new));
const times = RECORDS / ourSeconds / (SINGLE_RECORDS / single);
report(
  `\nA transaction a record: ${Math.round(SINGLE_RECORDS / single)} records/s; ours: ${Math.round(RECORDS / ourSeconds)} records/s, ${Math.round(times)} times as many.`,
);
const waits = rounds.flatMap(({ ours }) => ours.waits);
const p99 = percentile(waits, 0.99);
report(
  `\nstatus while the jobs ran: ${waits.length} answers, p50 ${percentile(waits, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (limit ${LIMIT_STATUS_MS} ms)`,
  p99 <= LIMIT_STATUS_MS,
);
report(`\nPeak memory of the server: ${Math.round(Math.max(...rounds.map(({ ours }) => ours.memory)))} MB.`);
