import pg from 'pg';
import { isConnectionLost, isDiskFull } from './postgresErrors.ts';

export type Row = Record<string, unknown>;
type Value = string | number | boolean | null | Uint8Array;
export type Values = Record<string, Value>;

/** Where statements run: alone, or inside of a transaction. A statement names its parameters, as in `:jobId`. */
export interface Connection {
  get(sql: string, values?: Values): Promise<Row | undefined>;
  all(sql: string, values?: Values): Promise<Row[]>;
  /** Runs a write and gives the number of rows it changed. */
  run(sql: string, values?: Values): Promise<number>;
}

export interface PostgresOptions {
  url: string;
  /** Connections that this process may have at once. */
  poolSize?: number;
  /** How long one statement may take, in milliseconds: less than a lease, as who waits in vain must be free by then. */
  statementTimeoutMs?: number;
  /** How long a statement waits for what another transaction has. */
  lockTimeoutMs?: number;
  /** How long a transaction may be silent: less than a lease, so that a paused worker holds up nobody who takes over. */
  idleInTransactionMs?: number;
  /** How long a call waits for a connection. */
  connectTimeoutMs?: number;
  applicationName?: string;
  /** From how many records on two connections share a move of a job: for fewer, the second costs more than it gives. */
  sharesFrom?: number;
}

/** From when on a silent connection is asked whether the other side is still there. */
const KEEP_ALIVE_AFTER_MS = 10_000;
/** An answer is awaited for so long beyond what a statement may take: then the server, or the way to it, is gone. */
const NO_ANSWER_MS = 2_000;
const INT8 = pg.types.builtins.INT8;

/**
 * Connections to one PostgreSQL database. All settings are made inside of each transaction (SET LOCAL), and no
 * statement is kept by name: so it works the same behind PgBouncer that hands out connections by transaction.
 */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #options: Required<PostgresOptions>;
  /** Whether a write found no room, and none has been found since: `check` looks then. */
  diskWasFull = false;
  /** Moves of jobs that this process makes at the moment. */
  movesUnderWay = 0;

  constructor(options: PostgresOptions) {
    this.#options = {
      poolSize: 10,
      statementTimeoutMs: 8_000,
      lockTimeoutMs: 5_000,
      idleInTransactionMs: 8_000,
      connectTimeoutMs: 5_000,
      applicationName: 'artly-sync',
      sharesFrom: 2_000,
      ...options,
    };
    const { url, poolSize, statementTimeoutMs, connectTimeoutMs, applicationName } = this.#options;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: poolSize,
      connectionTimeoutMillis: connectTimeoutMs,
      // The one setting of a start that PgBouncer passes on.
      application_name: applicationName,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      query_timeout: patienceFor(statementTimeoutMs),
      types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
    });
    // A connection that breaks while nobody uses it is replaced by the next call; one in use rejects its statement.
    const ignore = () => undefined;
    this.#pool.on('error', ignore);
    this.#pool.on('connect', (client) => client.on('error', ignore));
  }

  /** How many more transactions could begin at once. */
  get spareConnections(): number {
    const { idleCount, totalCount, waitingCount } = this.#pool;
    return idleCount + this.#options.poolSize - totalCount - waitingCount;
  }

  /** From how many records on two connections share a move. */
  get sharesFrom(): number {
    return this.#options.sharesFrom;
  }

  /** One look, which is a transaction of its own. */
  async get(sql: string, values: Values = {}): Promise<Row | undefined> {
    return (await this.all(sql, values))[0];
  }

  async all(sql: string, values: Values = {}): Promise<Row[]> {
    return (await this.#pool.query(positional(sql, values))).rows;
  }

  /** Runs `work` in one transaction; what it throws rolls everything back. */
  transaction<Result>(
    work: (connection: Connection) => Promise<Result>,
    limits: Partial<Limits> = {},
  ): Promise<Result> {
    return this.#transaction(work, { mayCommit: () => true, limits });
  }

  /** The same for a write that may lose a race: `undefined` says it did, and rolls everything back. */
  race<Result>(
    work: (connection: Connection) => Promise<Result | undefined>,
    limits: Partial<Limits> = {},
  ): Promise<Result | undefined> {
    return this.#transaction(work, { mayCommit: (result) => result !== undefined, limits });
  }

  async #transaction<Result>(
    work: (connection: Connection) => Promise<Result>,
    { mayCommit, limits: own }: { mayCommit: (result: Result) => boolean; limits: Partial<Limits> },
  ): Promise<Result> {
    const limits = { ...this.#options, durable: true, planWithValues: true, ...own };
    const client = await this.#pool.connect();
    const connection = connectionOf(client, limits);
    let lost = false;
    try {
      await connection.run(beginWith(limits));
      const result = await work(connection);
      await connection.run(mayCommit(result) ? 'COMMIT' : 'ROLLBACK');
      return result;
    } catch (error) {
      if (isDiskFull(error)) this.diskWasFull = true;
      lost = isConnectionLost(error) || !(await rolledBack(connection));
      throw error;
    } finally {
      client.release(lost);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

interface Limits {
  statementTimeoutMs: number;
  lockTimeoutMs: number;
  idleInTransactionMs: number;
  /** Whether the commit waits for the disk: `false` where a later commit, which does, stands for this one too. */
  durable: boolean;
  /** Whether plans may look at the values: `false` where these are large, as the planner copies them over and over. */
  planWithValues: boolean;
}

/**
 * One message for all: each on its own would cost a way to the server and back. No plan is compiled (`jit`): that takes
 * longer than it could save.
 */
function beginWith({
  statementTimeoutMs,
  lockTimeoutMs,
  idleInTransactionMs,
  durable,
  planWithValues,
}: Limits): string {
  const settings = [
    'jit = off',
    `statement_timeout = ${statementTimeoutMs}`,
    `lock_timeout = ${lockTimeoutMs}`,
    `idle_in_transaction_session_timeout = ${idleInTransactionMs}`,
  ];
  if (!durable) settings.push('synchronous_commit = off');
  if (!planWithValues) settings.push('plan_cache_mode = force_generic_plan');
  return ['BEGIN', ...settings.map((setting) => `SET LOCAL ${setting}`)].join('; ');
}

function connectionOf(client: pg.PoolClient, { statementTimeoutMs }: Limits): Connection {
  const patience = { query_timeout: patienceFor(statementTimeoutMs) };
  const query = (sql: string, values: Values = {}) =>
    client.query<Row>({ ...positional(sql, values), ...patience });
  return {
    all: async (sql, values) => (await query(sql, values)).rows,
    get: async (sql, values) => (await query(sql, values)).rows[0],
    run: async (sql, values) => (await query(sql, values)).rowCount ?? 0,
  };
}

function patienceFor(statementTimeoutMs: number): number {
  return statementTimeoutMs + NO_ANSWER_MS;
}

async function rolledBack(connection: Connection): Promise<boolean> {
  return connection.run('ROLLBACK').then(
    () => true,
    () => false,
  );
}

/** Ids, times and counts are whole numbers below 2^53. A balance may be larger: its statements read it as text. */
function parserOf(oid: number, format?: 'text' | 'binary') {
  return oid === INT8 ? Number : pg.types.getTypeParser(oid, format);
}

interface Statement {
  text: string;
  names: string[];
}

const statements = new Map<string, Statement>();

function positional(sql: string, values: Values): { text: string; values: Value[] } {
  const { text, names } = statementOf(sql);
  return { text, values: names.map((name) => storable(values[name] as Value)) };
}

/** `:name` becomes `$1`, the same number wherever it stands; a cast, as in `::text`, stays. */
function statementOf(sql: string): Statement {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  const names: string[] = [];
  const text = sql.replace(/(?<!:):([a-zA-Z]\w*)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  const statement = { text, names };
  statements.set(sql, statement);
  return statement;
}

/** PostgreSQL's text has no NUL. It becomes what UTF-8 makes of any character that can't be: so it finds nothing. */
function storable(value: Value): Value {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
}
