import { z } from 'zod';
import { SyncError } from './domain/errors.ts';
import { LOG_LEVELS } from './log.ts';

const POSTGRES_FORM = 'postgres://USER:PASSWORD@HOST:PORT/DATABASE';
/** Connections that requests may use at once, where nobody has set another number. */
const API_CONNECTIONS = 10;
/** Beside one for each turn: the sweep, and looking whether the storage is there. */
const WORKER_CONNECTIONS = 2;

/** A shorter one could be guessed, and it opens everything. */
const SHORTEST_TOKEN = 16;

const ROLES = ['all', 'api', 'worker'] as const;
type Role = (typeof ROLES)[number];

/** Every variable of the environment, with its default. docs/operations.md lists the same, and a test compares them. */
export const VARIABLES = {
  PORT: whole({ from: 0, to: 65_535, fallback: 4000 }),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATABASE_URL: z
    .string()
    .refine((value) => /^sqlite:.+/.test(value) || isPostgresUrl(value), {
      message: `must be sqlite:PATH, sqlite::memory: or ${POSTGRES_FORM}`,
    })
    .default('sqlite:data/artly-sync.db'),
  ARTLY_LISTEN_URL: z
    .string()
    .refine(isPostgresUrl, { message: `must be ${POSTGRES_FORM}` })
    .optional(),
  ARTLY_POOL_SIZE: wholeNumber({ from: 2, to: 1_000 }).optional(),
  ARTLY_ROLE: z.enum(ROLES, `must be ${ROLES.join(', ').replace(/, (?=\w+$)/, ' or ')}`).default('all'),
  ARTLY_WORKERS: whole({ from: 1, to: 100, fallback: 2 }),
  ARTLY_API_SECRET: z.string().optional(),
  ARTLY_ADMIN_TOKEN: z
    .string()
    .min(
      SHORTEST_TOKEN,
      `must have ${SHORTEST_TOKEN} characters or more: make one with "openssl rand -hex 24"`,
    )
    .optional(),
  ARTLY_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  ARTLY_MAX_RECORDS: whole({ from: 1, to: 1_000_000_000, fallback: 10_000_000 }),
  ARTLY_MAX_BODY_BYTES: whole({ from: 1, to: Number.MAX_SAFE_INTEGER, fallback: 4 * 1024 ** 3 }),
  ARTLY_MAX_REJECTS: whole({ from: 0, to: 1_000_000_000, fallback: 10_000 }),
  ARTLY_BODY_IDLE_SECONDS: whole({ from: 1, to: 3600, fallback: 30 }),
  ARTLY_MAX_WATCHERS: whole({ from: 1, to: 1_000_000, fallback: 1_000 }),
  ARTLY_BROWSER_ORIGINS: z
    .string()
    .refine((value) => originsOf(value).every(isOrigin), {
      message: 'must be origins with commas between them, like https://shop.example,https://www.shop.example',
    })
    .optional(),
  ARTLY_JOB_ATTEMPTS: whole({ from: 1, to: 100, fallback: 5 }),
  ARTLY_JOB_RETENTION_DAYS: whole({ from: 1, to: 36_500, fallback: 90 }),
};

const Environment = z.object(VARIABLES);

export type DatabaseConfig =
  /** Path of the file, or `:memory:`. */
  | { kind: 'sqlite'; path: string }
  /** `listenUrl` reaches the same database without a pooler by transaction; `poolSize` is the storage's. */
  | { kind: 'postgres'; url: string; listenUrl: string; poolSize: number };

export interface Config {
  /** Where health is answered, and the API if the role has it; undefined for a worker that answers nobody. */
  port: number | undefined;
  host: string;
  role: Role;
  /** Jobs that this process works on at once. */
  workers: number;
  database: DatabaseConfig;
  apiSecret: string | undefined;
  /** The operator's sign-in; without it the dashboard and the operator's API are off. */
  adminToken: string | undefined;
  logLevel: Values['ARTLY_LOG_LEVEL'];
  maxRecords: number;
  maxBodyBytes: number;
  maxRejects: number;
  bodyIdleMs: number;
  /** Live connections that one site may have to this process. */
  maxWatchers: number;
  /** Whose pages may watch jobs, beside those of the site itself and of this server. */
  browserOrigins: string[];
  jobAttempts: number;
  retentionDays: number;
}

/** From where a copy goes, and where to. */
export interface CopyAddresses {
  /** The path of the SQLite file. */
  path: string;
  /** The address of the PostgreSQL database. */
  url: string;
}

type Values = z.infer<typeof Environment>;

/** The only reader of the environment. An empty variable counts as one that is not set. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const reading = Environment.safeParse(set);
  if (!reading.success) {
    throw wrong(reading.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
  }
  const values = reading.data;
  const database = databaseOf(values);
  if (database.kind === 'sqlite' && values.ARTLY_ROLE !== 'all') throw wrong([ONE_PROCESS]);
  return {
    // Workers stand side by side on one machine, so a worker listens only where somebody wants it to.
    port: values.ARTLY_ROLE === 'worker' && set.PORT === undefined ? undefined : values.PORT,
    host: values.HOST,
    role: values.ARTLY_ROLE,
    workers: database.kind === 'sqlite' ? 1 : values.ARTLY_WORKERS,
    database,
    apiSecret: values.ARTLY_API_SECRET,
    adminToken: values.ARTLY_ADMIN_TOKEN,
    logLevel: values.ARTLY_LOG_LEVEL,
    maxRecords: values.ARTLY_MAX_RECORDS,
    maxBodyBytes: values.ARTLY_MAX_BODY_BYTES,
    maxRejects: values.ARTLY_MAX_REJECTS,
    bodyIdleMs: values.ARTLY_BODY_IDLE_SECONDS * 1000,
    maxWatchers: values.ARTLY_MAX_WATCHERS,
    browserOrigins: originsOf(values.ARTLY_BROWSER_ORIGINS ?? ''),
    jobAttempts: values.ARTLY_JOB_ATTEMPTS,
    retentionDays: values.ARTLY_JOB_RETENTION_DAYS,
  };
}

/** Reads the arguments of a copy. What is wrong is not shown again: there may be a password in it. */
export function readCopyAddresses({ from, to }: { from: string; to: string }): CopyAddresses {
  const path = /^sqlite:(.+)$/.exec(from)?.[1];
  if (path === undefined || path === ':memory:')
    throw new SyncError('INVALID_CONFIGURATION', '--from must be sqlite:PATH, of a file.');
  if (!isPostgresUrl(to)) throw new SyncError('INVALID_CONFIGURATION', `--to must be ${POSTGRES_FORM}.`);
  return { path, url: to };
}

/** Names the database for the log: without user, password and options. */
export function nameOfDatabase(database: DatabaseConfig): string {
  if (database.kind === 'sqlite') return database.path;
  const { protocol, host, pathname } = new URL(database.url);
  return `${protocol}//${host}${pathname}`;
}

const ONE_PROCESS =
  'ARTLY_ROLE must be all on SQLite, where one process does everything: for processes of their own for the API and for workers, set DATABASE_URL to PostgreSQL';

function databaseOf(values: Values): DatabaseConfig {
  const url = values.DATABASE_URL;
  if (!isPostgresUrl(url)) return { kind: 'sqlite', path: url.slice('sqlite:'.length) };
  const forRole = { api: API_CONNECTIONS, worker: WORKER_CONNECTIONS + values.ARTLY_WORKERS };
  const byRole = { ...forRole, all: forRole.api + forRole.worker };
  const poolSize = values.ARTLY_POOL_SIZE ?? byRole[values.ARTLY_ROLE];
  return { kind: 'postgres', url, listenUrl: values.ARTLY_LISTEN_URL ?? url, poolSize };
}

function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:\/\//.test(value) && URL.canParse(value) && new URL(value).pathname.length > 1;
}

function originsOf(list: string): string[] {
  return list
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');
}

/** As a browser names one: with the scheme, without a path, and in small letters. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function wrong(problems: string[]): SyncError {
  return new SyncError('INVALID_CONFIGURATION', `Wrong in the environment: ${problems.join('; ')}.`);
}

function whole({ fallback, ...range }: { from: number; to: number; fallback: number }) {
  return wholeNumber(range).default(fallback);
}

function wholeNumber({ from, to }: { from: number; to: number }) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return z.coerce.number(rule).int(rule).min(from, rule).max(to, rule);
}
