import { z } from 'zod';
import { SyncError } from './domain/errors.ts';
import { LOG_LEVELS } from './log.ts';

/** Every variable of the environment, with its default. docs/operations.md lists the same, and a test compares them. */
export const VARIABLES = {
  PORT: whole({ from: 0, to: 65_535, fallback: 4000 }),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATABASE_URL: z
    .string()
    .regex(/^sqlite:.+/, 'must be sqlite:PATH or sqlite::memory:')
    .default('sqlite:data/artly-sync.db'),
  ARTLY_API_SECRET: z.string().optional(),
  ARTLY_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  ARTLY_MAX_RECORDS: whole({ from: 1, to: 1_000_000_000, fallback: 10_000_000 }),
  ARTLY_MAX_BODY_BYTES: whole({ from: 1, to: Number.MAX_SAFE_INTEGER, fallback: 4 * 1024 ** 3 }),
  ARTLY_MAX_REJECTS: whole({ from: 0, to: 1_000_000_000, fallback: 10_000 }),
  ARTLY_BODY_IDLE_SECONDS: whole({ from: 1, to: 3600, fallback: 30 }),
  ARTLY_JOB_ATTEMPTS: whole({ from: 1, to: 100, fallback: 5 }),
  ARTLY_JOB_RETENTION_DAYS: whole({ from: 1, to: 36_500, fallback: 90 }),
};

const Environment = z.object(VARIABLES);

export interface Config {
  port: number;
  host: string;
  /** Path of the SQLite file, or `:memory:`. */
  databasePath: string;
  apiSecret: string | undefined;
  logLevel: z.infer<typeof Environment>['ARTLY_LOG_LEVEL'];
  maxRecords: number;
  maxBodyBytes: number;
  maxRejects: number;
  bodyIdleMs: number;
  jobAttempts: number;
  retentionDays: number;
}

/** The only reader of the environment. An empty variable counts as one that is not set. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const reading = Environment.safeParse(set);
  if (!reading.success) {
    const problems = reading.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
    throw new SyncError('INVALID_CONFIGURATION', `Wrong in the environment: ${problems.join('; ')}.`);
  }
  const values = reading.data;
  return {
    port: values.PORT,
    host: values.HOST,
    databasePath: values.DATABASE_URL.slice('sqlite:'.length),
    apiSecret: values.ARTLY_API_SECRET,
    logLevel: values.ARTLY_LOG_LEVEL,
    maxRecords: values.ARTLY_MAX_RECORDS,
    maxBodyBytes: values.ARTLY_MAX_BODY_BYTES,
    maxRejects: values.ARTLY_MAX_REJECTS,
    bodyIdleMs: values.ARTLY_BODY_IDLE_SECONDS * 1000,
    jobAttempts: values.ARTLY_JOB_ATTEMPTS,
    retentionDays: values.ARTLY_JOB_RETENTION_DAYS,
  };
}

function whole({ from, to, fallback }: { from: number; to: number; fallback: number }) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return z.coerce.number(rule).int(rule).min(from, rule).max(to, rule).default(fallback);
}
