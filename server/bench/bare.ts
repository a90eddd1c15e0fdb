import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateSqlite } from '../src/storage/migrate.ts';
import { SqliteDatabase } from '../src/storage/sqliteDatabase.ts';
import { recordsOf } from './records.ts';

/**
 * The two ways to compare with, each alone in this process, on a file with the product's own table and settings:
 * the bare bulk upsert (the limit), and a transaction a record (the design everyone writes first).
 *
 * Run as `node server/bench/bare.ts bulk COUNT` or `… single COUNT`; prints seconds as JSON.
 */
const BATCH = 10_000;

const UPSERT_ALL = `
  INSERT INTO points_balances (site_id, wp_user_id, points_type, email, balance, job_seq, checksum)
  SELECT 1, r.value ->> 'wp_user_id', 'points', r.value ->> 'email', r.value ->> 'balance', 1, 0
  FROM json_each(:records) AS r WHERE true
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE
    SET email = excluded.email, balance = excluded.balance
    WHERE points_balances.balance IS NOT excluded.balance OR points_balances.email <> excluded.email`;

const UPSERT_ONE = `
  INSERT INTO points_balances (site_id, wp_user_id, points_type, email, balance, job_seq, checksum)
  VALUES (1, :wp_user_id, 'points', :email, :balance, 1, 0)
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE
    SET email = excluded.email, balance = excluded.balance
    WHERE points_balances.balance IS NOT excluded.balance OR points_balances.email <> excluded.email`;

function stored(count: number, round: number) {
  return recordsOf(count, round).map(({ points_balance, ...member }) => ({
    ...member,
    balance: points_balance * 10_000,
  }));
}

function bulk(db: SqliteDatabase, count: number, round: number): number {
  const records = stored(count, round);
  const payloads: string[] = [];
  for (let from = 0; from < count; from += BATCH)
    payloads.push(JSON.stringify(records.slice(from, from + BATCH)));
  return seconds(() => {
    for (const payload of payloads) db.transaction(() => db.run(UPSERT_ALL, { records: payload }));
  });
}

function single(db: SqliteDatabase, count: number): number {
  const records = stored(count, 1);
  return seconds(() => {
    for (const record of records) db.transaction(() => db.run(UPSERT_ONE, record));
  });
}

function seconds(work: () => void): number {
  const from = performance.now();
  work();
  return (performance.now() - from) / 1000;
}

const [way, count] = [process.argv[2], Number(process.argv[3])];
const folder = mkdtempSync(join(tmpdir(), 'artly-bench-'));
try {
  const db = new SqliteDatabase(join(folder, 'bare.db'));
  migrateSqlite(db);
  db.run(`INSERT INTO sites (site_id, url, created_at) VALUES (1, 'https://shop.example', 0)`);
  const result =
    way === 'bulk'
      ? { new: bulk(db, count, 1), changed: bulk(db, count, 2), same: bulk(db, count, 2) }
      : { single: single(db, count) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  db.close();
} finally {
  rmSync(folder, { recursive: true });
}
