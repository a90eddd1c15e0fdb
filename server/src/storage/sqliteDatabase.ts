import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/** How long a write waits for another program that has the file, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;
/** The same where someone waits for an answer and a "no" is one. */
const IMPATIENT_TIMEOUT_MS = 500;

/** The path of a database that is not on a disk. */
export const MEMORY = ':memory:';

export type Row = Record<string, unknown>;

/** One connection to a SQLite file, with its statements prepared once. */
export class SqliteDatabase {
  readonly #path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, { readOnly = false }: { readOnly?: boolean } = {}) {
    this.#path = path;
    this.#connection = new DatabaseSync(path, {
      readOnly,
      timeout: BUSY_TIMEOUT_MS,
      enableForeignKeyConstraints: true,
    });
    // The page size counts for a new file only; at 8 KiB a large job takes a tenth less time than at the default 4.
    if (!readOnly) this.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL');
    // FULL: what was answered as accepted survives a power cut.
    this.exec('PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY');
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  get(sql: string, parameters: Record<string, SQLInputValue> = {}): Row | undefined {
    return this.#prepare(sql).get(parameters) as Row | undefined;
  }

  all(sql: string, parameters: Record<string, SQLInputValue> = {}): Row[] {
    return this.#prepare(sql).all(parameters) as Row[];
  }

  /** Rows one by one, for who may want only the first ones. */
  each(sql: string, parameters: Record<string, SQLInputValue> = {}): Iterable<Row> {
    return this.#prepare(sql).iterate(parameters) as Iterable<Row>;
  }

  /** Runs a write and gives the number of rows it changed. */
  run(sql: string, parameters: Record<string, SQLInputValue> = {}): number {
    return Number(this.#prepare(sql).run(parameters).changes);
  }

  /** Runs `work`, whose writes wait only a moment for another program. */
  impatient(work: () => void): void {
    this.exec(`PRAGMA busy_timeout = ${IMPATIENT_TIMEOUT_MS}`);
    try {
      work();
    } finally {
      this.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  /** The room left on the disk under the file. */
  freeBytes(): number {
    if (this.#path === MEMORY) return Infinity;
    const { bavail, bsize } = statfsSync(dirname(this.#path));
    return bavail * bsize;
  }

  /** Runs `work` in one transaction; what it throws rolls everything back. */
  transaction<Result>(work: () => Result): Result {
    return this.#transaction(work, () => true);
  }

  /** The same for a write that may lose a race: `undefined` says it did, and rolls everything back. */
  race<Result>(work: () => Result | undefined): Result | undefined {
    return this.#transaction(work, (result) => result !== undefined);
  }

  #transaction<Result>(work: () => Result, mayCommit: (result: Result) => boolean): Result {
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.exec(mayCommit(result) ? 'COMMIT' : 'ROLLBACK');
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
