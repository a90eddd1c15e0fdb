import { SyncError } from '../domain/errors.ts';
import { COPIED_TABLES, type CopiedTable, type RowKey, type SiteSum } from './copyTables.ts';
import { beginCopy, completeCopy, refuseOtherData } from './postgresCopyState.ts';
import { type Connection, PostgresDatabase } from './postgresDatabase.ts';
import { isLocked } from './postgresErrors.ts';
import { LOCK_SPACES, lockUntilCommit } from './postgresLocks.ts';
import { migratePostgres } from './postgresMigrate.ts';

/** Looking at a whole table takes as long as it takes. */
const PATIENT = { statementTimeoutMs: 3_600_000 };
/** A copy that was killed holds the lock until the server of the database has noticed. */
const LOCK_MS = 2_000;
/** One holds the lock, one works. */
const CONNECTIONS = 2;

/** Columns that give new rows their number. */
const NUMBERED = [
  { table: 'sites', column: 'site_id' },
  { table: 'jobs', column: 'job_seq' },
  { table: 'job_audit', column: 'audit_id' },
  { table: 'points_events', column: 'event_seq' },
];

/** Rows as JSON objects, each with all columns of its table, and how many there are. */
export interface Page {
  json: string;
  rows: number;
}

/** A PostgreSQL database into which another is copied. */
export class PostgresCopyTarget {
  readonly #db: PostgresDatabase;

  private constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  /** Makes the tables in an empty database; one with other data is refused, and not touched. */
  static async open({ url }: { url: string }): Promise<PostgresCopyTarget> {
    const db = new PostgresDatabase({ url, poolSize: CONNECTIONS, applicationName: 'artly-sync copy' });
    try {
      await refuseOtherData(db);
      await migratePostgres(db);
    } catch (error) {
      await db.close();
      throw error;
    }
    return new PostgresCopyTarget(db);
  }

  /** Runs `work` while no other copy into this database can. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    // The transaction only holds the lock, which so ends with this process, also behind a pooler.
    return this.#db.transaction(
      async (tx) => {
        await lockForCopy(tx);
        return work();
      },
      { idleInTransactionMs: 0, lockTimeoutMs: LOCK_MS },
    );
  }

  begin(source: { sourceHash: Buffer; now: number }): Promise<{ complete: boolean }> {
    return beginCopy(this.#db, source);
  }

  async tables(): Promise<CopiedTable[]> {
    const rows = await this.#db.all(TABLES);
    const byName = new Map(rows.map((row) => [row.name, row as unknown as CopiedTable]));
    return COPIED_TABLES.map((name) => byName.get(name) as CopiedTable);
  }

  /** The key of the last row: pages come by key, so the copy of a table goes on behind it. */
  async lastKey({ name, key }: CopiedTable): Promise<RowKey | undefined> {
    const order = key.map((column) => `${column} DESC`);
    const row = await this.#db.get(`SELECT ${key} FROM artly.${name} ORDER BY ${order} LIMIT 1`);
    return row && key.map((column) => row[column] as string | number);
  }

  async insert({ name }: CopiedTable, { json }: Page): Promise<void> {
    await this.#db.transaction((tx) =>
      tx.run(
        `INSERT INTO artly.${name} OVERRIDING SYSTEM VALUE
         SELECT * FROM json_populate_recordset(NULL::artly.${name}, :json::json)`,
        { json },
      ),
    );
  }

  /** How many of these rows stand here, the same in every column. */
  async countSame({ name, key }: CopiedTable, { json }: Page): Promise<number> {
    const sameKey = key.map((column) => `t.${column} = s.${column}`).join(' AND ');
    // OFFSET 0 keeps the planner from walking through the table with each page.
    const row = await this.#db.get(
      `SELECT count(*) AS same FROM json_populate_recordset(NULL::artly.${name}, :json::json) AS s
       CROSS JOIN LATERAL (SELECT t AS row FROM artly.${name} AS t WHERE ${sameKey} OFFSET 0) AS there
       WHERE there.row = s`,
      { json },
    );
    return row?.same as number;
  }

  async count({ name }: CopiedTable): Promise<number> {
    const [row] = await this.#look(`SELECT count(*) AS rows FROM artly.${name}`);
    return row?.rows as number;
  }

  async sumsOfSites(): Promise<SiteSum[]> {
    const rows = await this.#look(
      `SELECT site_id, count(*) AS count, sum(checksum)::text AS sum FROM artly.points_balances
       GROUP BY site_id ORDER BY site_id`,
    );
    return rows.map(({ site_id, ...rest }) => ({ siteId: site_id, ...rest }) as SiteSum);
  }

  /** Tells the planner of what came in: it would learn it by itself only some minutes later. */
  async analyze({ name }: CopiedTable): Promise<void> {
    await this.#look(`ANALYZE artly.${name}`);
  }

  /** Lets new rows go on with numbers that no row ever had, and servers start. */
  async complete({ highestJobSeq, now }: { highestJobSeq: number; now: number }): Promise<void> {
    await this.#db.transaction(async (tx) => {
      for (const { table, column } of NUMBERED) {
        await tx.run(
          `SELECT setval(pg_get_serial_sequence('artly.${table}', '${column}'),
             greatest(max(${column}), :highest::bigint, 0) + 1, false) FROM artly.${table}`,
          { highest: table === 'jobs' ? highestJobSeq : 0 },
        );
      }
      await completeCopy(tx, { now });
    });
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  #look(sql: string) {
    return this.#db.transaction((tx) => tx.all(sql), PATIENT);
  }
}

async function lockForCopy(tx: Connection): Promise<void> {
  try {
    await lockUntilCommit(tx, { space: LOCK_SPACES.copy, key: 0 });
  } catch (cause) {
    if (!isLocked(cause)) throw cause;
    const message = 'Another copy into the database of --to is under way: wait for its end.';
    throw new SyncError('STORAGE_IN_USE', message, { cause });
  }
}

/** The tables of the schema with their columns in order, and those of the primary key. */
const TABLES = `
  SELECT c.relname::text AS name,
    json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL)) ORDER BY a.attnum) AS columns,
    (SELECT array_agg(k.attname::text ORDER BY p.place)
     FROM pg_index AS i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS p (attnum, place)
     JOIN pg_attribute AS k ON k.attrelid = i.indrelid AND k.attnum = p.attnum
     WHERE i.indrelid = c.oid AND i.indisprimary) AS key
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = 'artly'::regnamespace AND c.relkind IN ('r', 'p')
  GROUP BY c.oid, c.relname`;
