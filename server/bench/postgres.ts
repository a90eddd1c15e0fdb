import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Batch } from '../src/domain/batch.ts';
import { checksumOf } from '../src/domain/checksum.ts';
import { BatchBuilder } from '../src/intake/batchBuilder.ts';
import { pointsBalances } from '../src/jobTypes/pointsBalances.ts';
import { openPostgresStorage } from '../src/storage/postgresStorage.ts';
import type { Storage } from '../src/storage/storage.ts';
import { PostgresServer } from '../tests/support/postgresServer.ts';
import { recordsOf } from './records.ts';
import { median, say, seconds } from './report.ts';

const RECORDS = 1_000_000;
const BATCH = 10_000;
const RECORDS_A_STAGE = 8_000;
const SINGLE_RECORDS = 5_000;
const ROUNDS = 3;
const SETTINGS = ['-c', 'max_wal_size=4GB', '-c', 'autovacuum=off'];
const CASES = ['new', 'changed', 'same'] as const;
type Case = (typeof CASES)[number];
const SETTLED = { new: 'inserted', changed: 'updated', same: 'unchanged' } as const;
const ROUND_OF = { new: 1, changed: 2, same: 2 } as const;

/** The quickest of the simple ways that were measured: docs/decisions/0005-postgres-storage.md. */
const UPSERT_ALL = `
  INSERT INTO artly.points_balances AS p (site_id, wp_user_id, points_type, email, balance, checksum, job_seq)
  SELECT 1, (r ->> 0)::bigint, 'points', r ->> 1, (r ->> 2)::bigint, (r ->> 3)::bigint, 1
  FROM jsonb_array_elements($1::text::jsonb) AS r
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE
    SET email = excluded.email, balance = excluded.balance, checksum = excluded.checksum
    WHERE p.balance <> excluded.balance OR p.email <> excluded.email`;
const UPSERT_ONE = `
  INSERT INTO artly.points_balances AS p (site_id, wp_user_id, points_type, email, balance, checksum, job_seq)
  VALUES (1, $1, 'points', $2, $3, 0, 1)
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET email = excluded.email, balance = excluded.balance
    WHERE p.balance <> excluded.balance OR p.email <> excluded.email`;
const COUNT_ONE =
  'UPDATE artly.jobs SET processed = processed + 1, inserted = inserted + 1 WHERE job_id = $1';

interface Times {
  bulk: number;
  /** Keeping the batches, until the job is accepted; and applying them, until it is completed. */
  kept: number;
  applied: number;
}

/** What storing and applying a job takes on PostgreSQL, against the bare bulk upsert and a transaction a record. */
export async function postgres(): Promise<void> {
  const server = await PostgresServer.start({ durable: true, settings: SETTINGS });
  try {
    say(`\n${RECORDS} balances on PostgreSQL, all on this machine, against the bare bulk upsert:`);
    const rounds: Record<Case, Times>[] = [];
    // The first round warms up, and is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) rounds.push(await oneRound(server, round));
    rounds.shift();
    let ours = 0;
    for (const kind of CASES) {
      const of = (pick: (times: Times) => number) => median(rounds.map((round) => pick(round[kind])));
      const ratio = of(({ bulk, kept, applied }) => (kept + applied) / bulk);
      const [whole, kept, applied, bulk] = [
        of((times) => times.kept + times.applied),
        of((times) => times.kept),
        of((times) => times.applied),
        of((times) => times.bulk),
      ].map(seconds);
      say(
        `  all ${kind.padEnd(8)} ${whole} (${kept} to keep, ${applied} to apply) against ${bulk}: ${ratio.toFixed(2)}×`,
      );
      if (kind === 'new') ours = RECORDS / (of((times) => times.kept + times.applied) / 1000);
    }
    const rate = await single(await server.database());
    say(
      `  a transaction a record: ${Math.round(rate)} records/s; ours ${Math.round(ours)}, ${Math.round(ours / rate)} times as many`,
    );
  } finally {
    await server.remove();
  }
}

/**
 * Both ways, a case each at a time, so that both have the same machine, and each in turn the first. What autovacuum
 * would do of one while the other is measured, is done before.
 */
async function oneRound(server: PostgresServer, round: number): Promise<Record<Case, Times>> {
  const databases = [await server.database(), await server.database()] as const;
  const [bare, ours] = [await connected(databases[0]), await connected(databases[1])];
  const opened = await openPostgresStorage({ url: databases[1] });
  const { siteId } = await opened.storage.ensureSite({ url: 'https://shop.example', now: 0 });
  const times = {} as Record<Case, Times>;
  for (const kind of CASES) {
    const found: Partial<Times> = {};
    const ways = [
      async () => {
        found.bulk = await bulk(bare, payloadsOf(ROUND_OF[kind]));
      },
      async () => {
        const stages = stagesOf(ROUND_OF[kind]);
        Object.assign(found, await job(opened.storage, { siteId, stages, kind }));
      },
    ];
    for (const way of round % 2 === 0 ? ways : ways.reverse()) {
      for (const client of [bare, ours]) await client.query('VACUUM ANALYZE');
      await bare.query('CHECKPOINT');
      await way();
    }
    times[kind] = found as Times;
  }
  await opened.close();
  await bare.end();
  await ours.end();
  return times;
}

function bulk(client: pg.Client, payloads: Buffer[]): Promise<number> {
  return millisecondsOf(async () => {
    for (const payload of payloads)
      await client.query({ name: 'upsert all', text: UPSERT_ALL, values: [payload] });
  });
}

async function job(
  storage: Storage,
  { siteId, stages, kind }: { siteId: number; stages: Batch[][]; kind: Case },
): Promise<{ kept: number; applied: number }> {
  const jobId = randomUUID();
  const now = Date.now();
  const kept = await millisecondsOf(async () => {
    await storage.openUpload({ jobId, siteId, type: 'points-balances', now });
    for (const batches of stages) await storage.stage({ jobId, batches, now });
    await storage.accept({ jobId, batches: [], actor: { name: 'bench', ip: null }, now });
  });
  const applied = await millisecondsOf(async () => {
    const claim = { jobId, attempt: 1, now };
    await storage.claim({ jobId, owner: 'bench', leaseMs: 15_000, now });
    while ((await storage.applyNext({ ...claim, leaseMs: 15_000 })) !== undefined);
    const done = await storage.complete(claim);
    if (done?.[SETTLED[kind]] !== RECORDS) throw new Error(`${kind}: ${JSON.stringify(done)}`);
  });
  return { kept, applied };
}

async function single(url: string): Promise<number> {
  const { storage, close } = await openPostgresStorage({ url });
  const { siteId } = await storage.ensureSite({ url: 'https://shop.example', now: 0 });
  const jobId = randomUUID();
  await storage.openUpload({ jobId, siteId, type: 'points-balances', now: 0 });
  await close();
  const client = await connected(url);
  const took = await millisecondsOf(async () => {
    for (const { wp_user_id, email, points_balance } of recordsOf(SINGLE_RECORDS, 1)) {
      await client.query('BEGIN');
      await client.query({
        name: 'upsert one',
        text: UPSERT_ONE,
        values: [wp_user_id, email, points_balance * 10_000],
      });
      await client.query({ name: 'count one', text: COUNT_ONE, values: [jobId] });
      await client.query('COMMIT');
    }
  });
  await client.end();
  return SINGLE_RECORDS / (took / 1000);
}

/** A connection to a database with the product's own tables. */
async function connected(url: string): Promise<pg.Client> {
  await (await openPostgresStorage({ url })).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

function payloadsOf(round: number): Buffer[] {
  const records = recordsOf(RECORDS, round);
  const payloads: Buffer[] = [];
  for (let from = 0; from < RECORDS; from += BATCH) {
    const rows = records.slice(from, from + BATCH).map(({ wp_user_id, email, points_balance }) => {
      const tenThousandths = points_balance * 10_000;
      const record = { wpUserId: wp_user_id, email, pointsType: 'points', tenThousandths };
      return [wp_user_id, email, tenThousandths, checksumOf(record)];
    });
    payloads.push(Buffer.from(JSON.stringify(rows)));
  }
  return payloads;
}

/** The batches that the intake makes, as many at a time as it hands over. */
function stagesOf(round: number): Batch[][] {
  const builder = new BatchBuilder({ type: pointsBalances, maxRejects: 0 });
  const stages: Batch[][] = [];
  let ready: Batch[] = [];
  for (const record of recordsOf(RECORDS, round)) {
    builder.add(record);
    ready.push(...builder.take());
    if (ready.reduce((sum, { count }) => sum + count, 0) < RECORDS_A_STAGE) continue;
    stages.push(ready);
    ready = [];
  }
  stages.push([...ready, ...builder.end()]);
  return stages;
}

async function millisecondsOf(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
