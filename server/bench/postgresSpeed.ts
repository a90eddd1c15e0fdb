import type { PostgresServer } from '../tests/support/postgresServer.ts';
import { bulk, connected, oneByOne, payloadsOf } from './postgresBare.ts';
import { ProductServer, type ProductSite } from './product.ts';
import { bodyOf } from './records.ts';
import { judge, median, say, seconds } from './report.ts';

const RECORDS = 1_000_000;
const SINGLE_RECORDS = 5_000;
const ROUNDS = 3;
const LIMIT_RATIO = 1.25;
const LIMIT_SINGLE = 80;
const WATCH_EVERY_MS = 20;

const CASES = ['new', 'changed', 'same'] as const;
type Case = (typeof CASES)[number];
const SETTLED = { new: 'inserted', changed: 'updated', same: 'unchanged' } as const;

/** What is sent, in the form of each way: made once, before anything is measured. */
interface Load {
  body: Buffer;
  payloads: Buffer[];
}

interface Times {
  /** To the answer of the start, and to `completed`, in ms. */
  received: number;
  ours: number;
  bulk: number;
}

/** The whole way of a million balances on PostgreSQL, against the bare bulk upsert and against a transaction a record. */
export async function postgresSpeed(server: PostgresServer): Promise<void> {
  const [first, second] = [loadOf(1), loadOf(2)];
  const loads = { new: first, changed: second, same: second };
  const rounds: Record<Case, Times>[] = [];
  // The first round warms up, and is not counted.
  for (let round = 0; round <= ROUNDS; round += 1) rounds.push(await oneRound(server, { round, loads }));
  rounds.shift();
  say(`\n${RECORDS} balances on PostgreSQL, first byte to completed, against the bare bulk upsert:`);
  for (const kind of CASES) {
    const of = (pick: (times: Times) => number) => median(rounds.map((round) => pick(round[kind])));
    const ratio = of(({ ours, bulk: bare }) => ours / bare);
    const [ours, received, bare] = [
      of((times) => times.ours),
      of((times) => times.received),
      of((times) => times.bulk),
    ].map(seconds);
    const line = `all ${kind.padEnd(8)} ${ours} (${received} until the answer) against ${bare}: ${ratio.toFixed(2)}×`;
    judge(`${line} (limit ${LIMIT_RATIO}×)`, ratio <= LIMIT_RATIO);
  }
  await againstSingle(server, RECORDS / median(rounds.map((round) => round.new.ours / 1000)));
}

function loadOf(round: number): Load {
  return { body: bodyOf(RECORDS, round), payloads: payloadsOf(RECORDS, round) };
}

/** Both ways, a case each at a time, so that both have the same machine, and each in turn the first. */
async function oneRound(
  server: PostgresServer,
  { round, loads }: { round: number; loads: Record<Case, Load> },
): Promise<Record<Case, Times>> {
  const urls = [await server.database(), await server.database()] as const;
  const [bare, beside] = [await connected(urls[0]), await connected(urls[1])];
  const product = await ProductServer.start({ DATABASE_URL: urls[1] });
  const site = await product.site('https://shop.example');
  const times = {} as Record<Case, Times>;
  for (const kind of CASES) {
    const found = { received: 0, ours: 0, bulk: 0 };
    const ways = [
      async () => {
        found.bulk = await millisecondsOf(() => bulk(bare, loads[kind].payloads));
      },
      async () => {
        Object.assign(found, await job(site, loads[kind].body, kind));
      },
    ];
    for (const way of round % 2 === 0 ? ways : ways.reverse()) {
      // What autovacuum would do of one while the other is measured, is done before.
      for (const client of [bare, beside]) await client.query('VACUUM ANALYZE');
      await bare.query('CHECKPOINT');
      await way();
    }
    times[kind] = found;
  }
  await product.stop();
  await bare.end();
  await beside.end();
  return times;
}

async function job(site: ProductSite, body: Buffer, kind: Case): Promise<{ received: number; ours: number }> {
  let received = 0;
  const ours = await millisecondsOf(async () => {
    const { jobId, milliseconds } = await site.startTimed(body);
    received = milliseconds;
    const ended = await site.watch(jobId, WATCH_EVERY_MS);
    if (ended[SETTLED[kind]] !== RECORDS) throw new Error(`${kind}: ${JSON.stringify(ended)}`);
  });
  return { received, ours };
}

async function againstSingle(server: PostgresServer, ours: number): Promise<void> {
  const client = await connected(await server.database());
  const took = await millisecondsOf(() => oneByOne(client, SINGLE_RECORDS));
  await client.end();
  const rate = SINGLE_RECORDS / (took / 1000);
  const times = Math.round(ours / rate);
  const line = `a transaction a record: ${Math.round(rate)} records/s; ours ${Math.round(ours)}, ${times} times as many`;
  judge(`${line} (limit ${LIMIT_SINGLE})`, times >= LIMIT_SINGLE);
}

async function millisecondsOf(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
