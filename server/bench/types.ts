import { ProductServer, type ProductSite } from './product.ts';
import { bodyOf, eventsOf, usersOf } from './records.ts';
import { judge, median, say, seconds } from './report.ts';

const RECORDS = 1_000_000;
const ROUNDS = 3;
const LIMIT_RATIO = 2;
const LIMIT_MEMORY_MB = 220;
const WATCH_EVERY_MS = 50;

const BODIES = { 'points-balances': bodyOf, 'points-events': eventsOf, users: usersOf };
type Type = keyof typeof BODIES;
const TYPES = Object.keys(BODIES) as Type[];

interface Run {
  /** Milliseconds from the first byte to `completed`, and from the answer of the start on. */
  whole: number;
  applying: number;
  memory: number;
}

/** A job of new records of each type, each on a fresh server, against that of balances. */
export async function types(): Promise<void> {
  const rounds: Record<Type, Run>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const runs = {} as Record<Type, Run>;
    for (const type of TYPES) runs[type] = await run(type);
    rounds.push(runs);
  }
  say(`\n${RECORDS} new records of each type, first byte of the start to completed, against balances:`);
  for (const type of TYPES) {
    const [whole, applying, memory] = [
      median(rounds.map((runs) => runs[type].whole)),
      median(rounds.map((runs) => runs[type].applying)),
      Math.max(...rounds.map((runs) => runs[type].memory)),
    ];
    const ratio = median(rounds.map((runs) => runs[type].whole / runs['points-balances'].whole));
    const line = `${type.padEnd(15)} ${seconds(whole)} (${seconds(applying)} of it applying): ${ratio.toFixed(2)}×`;
    judge(`${line} (limit ${LIMIT_RATIO}×)`, ratio <= LIMIT_RATIO);
    judge(
      `${type.padEnd(15)} peak memory ${Math.round(memory)} MB (limit ${LIMIT_MEMORY_MB} MB)`,
      memory <= LIMIT_MEMORY_MB,
    );
  }
}

async function run(type: Type): Promise<Run> {
  const server = await ProductServer.start();
  const site = await server.site('https://shop.example');
  const body = BODIES[type](RECORDS, 1);
  const times = await timeOf(site, type, body);
  const memory = server.peakMemory();
  await server.stop();
  return { ...times, memory };
}

async function timeOf(site: ProductSite, type: Type, body: Buffer): Promise<Omit<Run, 'memory'>> {
  const from = performance.now();
  const headers = { 'content-type': 'application/json' };
  const { json } = await site.send({ method: 'POST', path: `/artly/sync/${type}/start`, body, headers });
  const answered = performance.now();
  const job = await site.watch(json.jobId as string, WATCH_EVERY_MS);
  const ended = performance.now();
  if (job.inserted !== RECORDS) throw new Error(`${type}: ${JSON.stringify(job)}`);
  return { whole: ended - from, applying: ended - answered };
}
