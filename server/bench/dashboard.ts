import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { openPostgresStorage } from '../src/storage/postgresStorage.ts';
import { openSqliteStorage } from '../src/storage/sqliteStorage.ts';
import { PostgresServer } from '../tests/support/postgresServer.ts';
import { ProductServer } from './product.ts';
import { judge, percentile, say } from './report.ts';

const JOBS = 100_000;
const SITES = 1_000;
const SAMPLES = 100;
const LIMIT_MS = 200;
const ROUNDS = 30;
const TOKEN = 'the-token-of-the-bench';
const DAY_MS = 86_400_000;
const HISTORY_MS = 90 * DAY_MS;

/** What the dashboard asks for takes no longer than 200 ms, however much there is, on both databases. */
export async function dashboard(): Promise<void> {
  say(`\nThe dashboard with ${JOBS} jobs and ${SITES} sites: 19 of 20 answers, at most ${LIMIT_MS} ms`);
  await onSqlite();
  await onPostgres();
}

async function onSqlite(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'artly-bench-'));
  const path = join(folder, 'a.db');
  await openSqliteStorage({ path }).close();
  const db = new DatabaseSync(path);
  for (const sql of seedOf({ prefix: '', numbers: sqliteNumbers })) db.exec(sql);
  db.close();
  await measure('SQLite', { DATABASE_URL: `sqlite:${path}` });
  rmSync(folder, { recursive: true });
}

async function onPostgres(): Promise<void> {
  const server = await PostgresServer.start({ durable: true });
  try {
    const url = await server.database();
    await (await openPostgresStorage({ url })).close();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const numbers = (to: number) => `generate_series(1, ${to}) AS g (i)`;
    for (const sql of seedOf({ prefix: 'artly.', numbers })) await client.query(sql);
    // As autovacuum does a minute later.
    await client.query('ANALYZE');
    await client.end();
    await measure('PostgreSQL', { DATABASE_URL: url });
  } finally {
    await server.remove();
  }
}

interface Dialect {
  prefix: string;
  /** A table `g (i)` of the numbers from 1. */
  numbers: (to: number) => string;
}

function sqliteNumbers(to: number): string {
  return `(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${to}) SELECT i FROM n) AS g`;
}

/** Half of the jobs belong to one site; one in 50 failed, one in 100 was cancelled; none waits or is of another type. */
function seedOf({ prefix, numbers }: Dialect): string[] {
  const from = Date.now() - HISTORY_MS;
  const everyMs = Math.floor(HISTORY_MS / JOBS);
  const id = prefix === '' ? '' : 'OVERRIDING SYSTEM VALUE ';
  const site = `CASE WHEN i % 2 = 0 THEN 1 ELSE 1 + i % ${SITES} END`;
  const status = `CASE WHEN i % 50 = 0 THEN 'failed' WHEN i % 100 = 1 THEN 'cancelled' ELSE 'completed' END`;
  const at = `${from} + CAST(i AS bigint) * ${everyMs}`;
  const [accepted, kept] = prefix === '' ? ['1', '0'] : ['true', 'false'];
  return [
    `INSERT INTO ${prefix}sites (site_id, url, created_at, last_seen_at) ${id}
     SELECT i, 'https://shop' || i || '.example', ${from}, ${from} FROM ${numbers(SITES)}`,
    `INSERT INTO ${prefix}jobs (job_seq, job_id, site_id, type, status, accepted, records_kept, total, processed,
       inserted, rejected, step_message, created_at, started_at, updated_at, completed_at) ${id}
     SELECT i, 'job-' || i, ${site}, 'points-balances', ${status}, ${accepted}, ${kept}, 5000, 5000, 4990, 10,
       'Done: 4,990 new, 0 changed, 0 unchanged, 10 rejected.', ${at}, ${at}, ${at} + 1000, ${at} + 1000
     FROM ${numbers(JOBS)}`,
    `INSERT INTO ${prefix}job_audit (job_seq, at, event, actor, attempt)
     SELECT i, ${at}, 'created', 'site shop', 1 FROM ${numbers(JOBS)}`,
    `INSERT INTO ${prefix}job_samples (job_seq, attempt, processed, at)
     SELECT ${JOBS}, 1, i * 50, ${from} + i FROM ${numbers(SAMPLES)}`,
    `INSERT INTO ${prefix}job_rejects (job_seq, record_index, code, message)
     SELECT ${JOBS}, i, 'EMAIL_INVALID', 'email is not an address.' FROM ${numbers(SAMPLES)}`,
  ];
}

function pathsOf(): string[] {
  const now = Date.now();
  const iso = (ms: number) => new Date(ms).toISOString();
  const middle = `${now - HISTORY_MS / 2}-${JOBS / 2}`;
  const span = (days: number, step: string) =>
    `/operator/activity?from=${iso(now - days * DAY_MS)}&to=${iso(now)}&step=${step}`;
  return [
    '/operator/overview',
    '/operator/jobs',
    '/operator/jobs?limit=200',
    `/operator/jobs?cursor=${middle}`,
    '/operator/jobs?status=failed',
    '/operator/jobs?status=running',
    '/operator/jobs?site=1',
    '/operator/jobs?site=1&type=users',
    '/operator/jobs?site=777&status=failed',
    '/operator/jobs?type=points-balances',
    '/operator/jobs?type=users',
    `/operator/jobs?from=${iso(now - 60 * DAY_MS)}&to=${iso(now - 59 * DAY_MS)}`,
    `/operator/jobs?site=1&type=users&status=completed&cursor=${middle}`,
    `/operator/jobs/job-${JOBS}`,
    `/operator/jobs/job-${JOBS}/rejects?format=ndjson&limit=20`,
    '/operator/sites',
    '/operator/sites?search=shop99',
    '/operator/sites?search=nothing',
    span(1 / 24, 'minute'),
    span(1, 'hour'),
    span(30, 'day'),
    span(90, 'day'),
    `${span(90, 'day')}&site=1`,
  ];
}

async function measure(database: string, settings: NodeJS.ProcessEnv): Promise<void> {
  const server = await ProductServer.start({ ...settings, ARTLY_ADMIN_TOKEN: TOKEN });
  const slowest = { path: '', milliseconds: 0 };
  for (const path of pathsOf()) {
    const times = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(await timeOf(`${server.url}${path}`));
    const milliseconds = percentile(times, 0.95);
    if (milliseconds > slowest.milliseconds) Object.assign(slowest, { path, milliseconds });
    if (milliseconds > LIMIT_MS) judge(`${database}: ${path} ${milliseconds.toFixed(1)} ms`, false);
  }
  const name = slowest.path.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…');
  judge(
    `${database}: the slowest, ${name}: ${slowest.milliseconds.toFixed(1)} ms`,
    slowest.milliseconds <= LIMIT_MS,
  );
  await server.stop();
}

async function timeOf(address: string): Promise<number> {
  const from = performance.now();
  const response = await fetch(address, { headers: { authorization: `Bearer ${TOKEN}` } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${address} answered ${response.status}: ${text}`);
  return performance.now() - from;
}
