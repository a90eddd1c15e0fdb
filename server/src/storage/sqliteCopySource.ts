import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { SyncError } from '../domain/errors.ts';
import type { CopiedTable, RowKey, SiteSum } from './copyTables.ts';
import { refuseOtherVersion } from './migrate.ts';
import { SqliteDatabase } from './sqliteDatabase.ts';
import { SqliteLock } from './sqliteLock.ts';

/** Tables that change with all that sites send: whoever has the same rows of them, and as many of the others, is the same. */
const TELLING = ['sites', 'site_keys', 'jobs'];

/** An upload whose server is gone: nobody will ever send the rest of it. */
const LEFT_UPLOAD = 'accepted = 0 AND in_parts = 0';
/** Columns that are copied as a start of the server would leave them, or that stand otherwise here than there. */
const READ_AS: Record<string, Record<string, string>> = {
  jobs: {
    lease_owner: 'NULL',
    lease_until: 'NULL',
    records_kept: `iif(${LEFT_UPLOAD}, 0, records_kept)`,
    completed_at: `iif(${LEFT_UPLOAD}, 0, completed_at)`,
  },
  points_events: {
    email: "record ->> '$[2]'",
    points_delta: "record ->> '$[3]'",
    event_type: "record ->> '$[4]'",
    source: "record ->> '$[5]'",
    order_id: "record ->> '$[6]'",
    created_at: "record ->> '$[7]'",
  },
};

/**
 * A SQLite file that is copied. It is held as a server holds it, so no server runs on it meanwhile; it is only read, and
 * in one transaction, so that nothing another program writes comes in between.
 */
export class SqliteCopySource {
  readonly #db: SqliteDatabase;
  readonly #lock: SqliteLock;

  private constructor(db: SqliteDatabase, lock: SqliteLock) {
    this.#db = db;
    this.#lock = lock;
  }

  static open({ path }: { path: string }): SqliteCopySource {
    refuseMissing(path);
    const db = new SqliteDatabase(path, { readOnly: true });
    try {
      refuseOtherVersion(db);
      const lock = lockOf(path);
      db.exec('BEGIN');
      return new SqliteCopySource(db, lock);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Each row behind `after` as a JSON object that PostgreSQL can read as a row, by key. */
  *rows(table: CopiedTable, after?: RowKey): Iterable<string> {
    const key = table.key.join(', ');
    const values = Object.fromEntries((after ?? []).map((value, at) => [`key${at}`, value]));
    const behind = after && `WHERE (${key}) > (${Object.keys(values).map((name) => `:${name}`)})`;
    const fields = table.columns.map((column) => `'${column.name}', ${readingOf(table, column)}`);
    const sql = `SELECT json_object(${fields}) AS row FROM ${table.name} ${behind ?? ''} ORDER BY ${key}`;
    for (const { row } of this.#db.each(sql, values)) yield row as string;
  }

  count({ name }: CopiedTable): number {
    return this.#db.get(`SELECT count(*) AS rows FROM ${name}`)?.rows as number;
  }

  sumsOfSites(): SiteSum[] {
    const rows = this.#db.all(
      `SELECT site_id, count(*) AS count, CAST(sum(checksum) AS TEXT) AS sum FROM points_balances
       GROUP BY site_id ORDER BY site_id`,
    );
    return rows.map(({ site_id, ...rest }) => ({ siteId: site_id, ...rest }) as SiteSum);
  }

  /** The highest number that a job ever had: also where that job is gone, balances remember it. */
  highestJobSeq(): number {
    const row = this.#db.get(`SELECT seq FROM sqlite_sequence WHERE name = 'jobs'`);
    return (row?.seq as number | undefined) ?? 0;
  }

  /** Tells this database, as it stands, from all others. */
  hash(tables: CopiedTable[]): Buffer {
    const hash = createHash('sha256');
    for (const table of tables) {
      hash.update(`${table.name} ${this.count(table)}`);
      if (TELLING.includes(table.name)) for (const row of this.rows(table)) hash.update(row);
    }
    return hash.digest();
  }

  close(): void {
    this.#db.close();
    this.#lock.release();
  }
}

function refuseMissing(path: string): void {
  if (existsSync(path)) return;
  throw new SyncError('STORAGE_UNAVAILABLE', `There is no file ${path} that can be read: check --from.`);
}

function lockOf(path: string): SqliteLock {
  try {
    return new SqliteLock(path);
  } catch (cause) {
    if (!(cause instanceof SyncError)) throw cause;
    const message = `A server or another copy is running on ${path}: stop the server first, then copy.`;
    throw new SyncError(cause.code, message, { cause });
  }
}

/** From a column of SQLite to a JSON value that PostgreSQL takes for its type. */
function readingOf(table: CopiedTable, { name, type }: CopiedTable['columns'][number]): string {
  const instead = READ_AS[table.name]?.[name];
  if (instead !== undefined) return instead;
  if (type === 'bytea') return `'\\x' || hex(${name})`;
  return type === 'jsonb' ? `json(${name})` : name;
}
