import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { migrateSqlite } from '../src/storage/migrate.ts';
import { SqliteDatabase } from '../src/storage/sqliteDatabase.ts';
import { recordsOf } from './records.ts';

/**
 * The ways to compare with, each alone in a process of its own, on a file with the product's own table:
 * `bulk`, the bare bulk upsert with the product's settings, which is the limit; and the design everyone writes first,
 * a transaction a record that upserts it and counts it in its job: `single` with the product's settings, and
 * `singleDefault` with those that SQLite comes with, a rollback journal.
 *
 * Run as `node server/bench/bare.ts WAY COUNT`; prints seconds as JSON.
 */
export type Way = 'bulk' | 'single' | 'singleDefault';
const BATCH = 10_000;
const THIS_FILE = fileURLToPath(import.meta.url);

/** Runs one way in a process of its own; gives seconds by case. */
export async function bare(way: Way, count: number): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, [THIS_FILE, way, String(count)]);
  return JSON.parse(stdout);
}

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

const COUNT_ONE = 'UPDATE jobs SET processed = processed + 1, inserted = inserted + 1 WHERE job_seq = 1';

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
  return secondsOf(() => {
    for (const payload of payloads) db.transaction(() => db.run(UPSERT_ALL, { records: payload }));
  });
}

function single(db: SqliteDatabase, count: number): number {
  const records = stored(count, 1);
  return secondsOf(() => {
    for (const record of records) {
      db.transaction(() => {
        db.run(UPSERT_ONE, record);
        db.run(COUNT_ONE);
      });
    }
  });
}

function secondsOf(work: () => void): number {
  const from = performance.now();
  work();
  return (performance.now() - from) / 1000;
}

function measure(way: Way, count: number, file: string): Record<string, number> {
  const db = new SqliteDatabase(file);
  try {
    migrateSqlite(db);
    db.run(`INSERT INTO sites (site_id, url, created_at) VALUES (1, 'https://shop.example', 0)`);
    db.run(
      `INSERT INTO jobs (job_id, site_id, type, total, created_at, updated_at) VALUES ('a', 1, 'a', :count, 0, 0)`,
      { count },
    );
    if (way === 'bulk')
      return { new: bulk(db, count, 1), changed: bulk(db, count, 2), same: bulk(db, count, 2) };
    if (way === 'singleDefault') db.exec('PRAGMA journal_mode = DELETE');
    return { single: single(db, count) };
  } finally {
    db.close();
  }
}

if (process.argv[1] === THIS_FILE) {
  const [way, count] = [process.argv[2] as Way, Number(process.argv[3])];
  const folder = mkdtempSync(join(tmpdir(), 'artly-bench-'));
  try {
    process.stdout.write(`${JSON.stringify(measure(way, count, join(folder, 'bare.db')))}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
