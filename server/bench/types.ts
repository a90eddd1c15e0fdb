import { ProductServer, type ProductSite } from './product.ts';
import { bodyOf, eventsOf, usersOf } from './records.ts';
import { judge, median, say, seconds } from './report.ts';

const RECORDS = 1_000_000;
const ROUNDS = 3;
const LIMIT_RATIO = 2;
/** Twice as many records may take this much more memory. */
const LIMIT_MEMORY_RATIO = 1.15;
const WATCH_EVERY_MS = 20;

const BODIES = { 'points-balances': bodyOf, 'points-events': eventsOf, users: usersOf };
type Type = keyof typeof BODIES;
const TYPES = Object.keys(BODIES) as Type[];

interface Run {
  /** Milliseconds until the start is answered, and from there to `completed`. */
  receiving: number;
  applying: number;
  memory: number;
}

/** A job of new records of each type, each on a fresh server, against that of balances. */
export async function types(): Promise<void> {
  const rounds: Record<Type, Run>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const runs = {} as Record<Type, Run>;
    for (const type of TYPES) runs[type] = await run(type, RECORDS);
    rounds.push(runs);
  }
  say(`\n${RECORDS} new records of each type, the time of applying against that of balances:`);
  for (const type of TYPES) tell(type, rounds);
  for (const type of TYPES) {
    const before = median(rounds.map((runs) => runs[type].memory));
    const { memory } = await run(type, 2 * RECORDS);
    const line = `${type}: peak memory ${Math.round(before)} MB, of twice as many ${Math.round(memory)} MB`;
    judge(`${line} (limit ${LIMIT_MEMORY_RATIO}×)`, memory <= LIMIT_MEMORY_RATIO * before);
  }
}

function tell(type: Type, rounds: Record<Type, Run>[]): void {
  const [receiving, applying] = (['receiving', 'applying'] as const).map((part) =>
    median(rounds.map((runs) => runs[type][part])),
  ) as [number, number];
  const ratioOf = (time: (run: Run) => number) =>
    median(rounds.map((runs) => time(runs[type]) / time(runs['points-balances'])));
  const ratio = ratioOf((one) => one.applying);
  const whole = ratioOf((one) => one.receiving + one.applying).toFixed(2);
  const line = `${type.padEnd(15)} ${seconds(applying)}: ${ratio.toFixed(2)}×`;
  const rest = `received in ${seconds(receiving)}, ${whole}× in all`;
  judge(`${line} (limit ${LIMIT_RATIO}×); ${rest}`, ratio <= LIMIT_RATIO);
}

async function run(type: Type, count: number): Promise<Run> {
  const server = await ProductServer.start();
  const site = await server.site('https://shop.example');
  const times = await timeOf(site, { type, count });
  const memory = server.peakMemory();
  await server.stop();
  return { ...times, memory };
}

async function timeOf(
  site: ProductSite,
  { type, count }: { type: Type; count: number },
): Promise<Omit<Run, 'memory'>> {
  const body = BODIES[type](count, 1);
  const headers = { 'content-type': 'application/json' };
  const path = `/artly/sync/${type}/start`;
  const { json, milliseconds } = await site.send({ method: 'POST', path, body, headers });
  const answered = performance.now();
  const job = await site.watch(json.jobId as string, WATCH_EVERY_MS);
  if (job.inserted !== count) throw new Error(`${type}: ${JSON.stringify(job)}`);
  return { receiving: milliseconds, applying: performance.now() - answered };
}
