import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { checksumOf } from '../src/domain/checksum.ts';
import { openPostgresStorage } from '../src/storage/postgresStorage.ts';
import { recordsOf } from './records.ts';

/** The other ways to write balances into PostgreSQL, against which ours is measured. */

const BATCH = 10_000;

/**
 * The quickest of the simple ways that were measured: docs/decisions/0007-postgres-storage.md, which says too what
 * arrays in binary form would save it, as ours has them.
 */
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

/** The batches of one statement each, read, checked and in memory before anything is measured. */
export function payloadsOf(count: number, round: number): Buffer[] {
  const records = recordsOf(count, round);
  const payloads: Buffer[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const rows = records.slice(from, from + BATCH).map(({ wp_user_id, email, points_balance }) => {
      const tenThousandths = points_balance * 10_000;
      const record = { wpUserId: wp_user_id, email, pointsType: 'points', tenThousandths };
      return [wp_user_id, email, tenThousandths, checksumOf(record)];
    });
    payloads.push(Buffer.from(JSON.stringify(rows)));
  }
  return payloads;
}

/** One connection that does nothing but upsert, a commit each 10,000 records. */
export async function bulk(client: pg.Client, payloads: Buffer[]): Promise<void> {
  for (const payload of payloads)
    await client.query({ name: 'upsert all', text: UPSERT_ALL, values: [payload] });
}

/** The design everyone writes first: each record upserted and counted in its job, in a transaction of its own. */
export async function oneByOne(client: pg.Client, count: number): Promise<void> {
  const jobId = randomUUID();
  await client.query(
    `INSERT INTO artly.jobs (job_id, site_id, type, created_at, updated_at)
     SELECT $1, site_id, 'points-balances', 0, 0 FROM artly.sites`,
    [jobId],
  );
  for (const { wp_user_id, email, points_balance } of recordsOf(count, 1)) {
    await client.query('BEGIN');
    const values = [wp_user_id, email, points_balance * 10_000];
    await client.query({ name: 'upsert one', text: UPSERT_ONE, values });
    await client.query({ name: 'count one', text: COUNT_ONE, values: [jobId] });
    await client.query('COMMIT');
  }
}

/** A connection to a database with the product's own tables and one site. */
export async function connected(url: string): Promise<pg.Client> {
  const { storage, close } = await openPostgresStorage({ url });
  await storage.ensureSite({ url: 'https://bare.example', now: 0 });
  await close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
