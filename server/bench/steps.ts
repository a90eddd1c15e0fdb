import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Batch } from '../src/domain/batch.ts';
import { BodyReader } from '../src/intake/bodyReader.ts';
import { migrateSqlite } from '../src/storage/migrate.ts';
import { SqliteDatabase } from '../src/storage/sqliteDatabase.ts';
import { METHODS } from '../src/storage/sqliteMethods.ts';
import { ProductSite } from './product.ts';
import { bodyOf } from './records.ts';
import { say, seconds } from './report.ts';

/**
 * Where the time of a million new balances goes, each step alone and one after the other: `receive` is HTTP and
 * nothing else; the others run without it. In the product, all that is before `apply` goes on side by side.
 *
 * Run as `node server/bench/steps.ts engine` (prints milliseconds as JSON) or `… drain` (prints its port).
 */
const RECORDS = 1_000_000;
const CHUNK_BYTES = 64 * 1024;
const RECORDS_A_STAGE = 8_000;
const THIS_FILE = fileURLToPath(import.meta.url);
const FORMAT = { type: 'points-balances', ndjson: false, gzip: false, hashed: false, expectedTotal: 0 };
const LIMITS = { maxRecords: RECORDS, maxBodyBytes: 1e9, maxRejects: 1_000 };

export async function steps(): Promise<void> {
  const receive = await timeOfReceiving();
  const { stdout } = await promisify(execFile)(process.execPath, [THIS_FILE, 'engine']);
  const engine = JSON.parse(stdout) as Record<string, number>;
  say(`\nThe steps of ${RECORDS} new balances, each alone:`);
  for (const [step, milliseconds] of Object.entries({ receive, ...engine })) {
    say(`  ${step.padEnd(24)} ${seconds(milliseconds)}`);
  }
}

/** Sends the body to a server that reads it and drops it. */
async function timeOfReceiving(): Promise<number> {
  const child = spawn(process.execPath, [THIS_FILE, 'drain'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await child.stdout.take(1).toArray()) as Buffer[];
  const site = new ProductSite(`http://127.0.0.1:${String(port).trim()}`, 'none');
  const body = bodyOf(RECORDS, 1);
  await site.startTimed(body);
  const { milliseconds } = await site.startTimed(body);
  child.kill();
  return milliseconds;
}

function drain(): void {
  const server = createServer((request, response) => {
    request.on('data', () => undefined);
    request.on('end', () => response.end('{"success":true}'));
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
}

/** All that is done with the bytes, in this thread. */
async function engine(db: SqliteDatabase): Promise<Record<string, number>> {
  const { siteId } = METHODS.ensureSite(db, { url: 'https://shop.example', now: 0 });
  const job = { jobId: 'a', siteId, type: 'points-balances', now: 0 };
  METHODS.openUpload(db, job);
  const before = await parseAndStage(db, job.jobId);
  METHODS.claim(db, { jobId: job.jobId, owner: 'bench', leaseMs: 1e9, now: 0 });
  const commits = countCommits(db);
  const apply = timeOf(() => {
    while (METHODS.applyNext(db, { jobId: job.jobId, attempt: 1, leaseMs: 1e9, now: 0 }) !== undefined);
  });
  return { ...before, 'apply, without commit': apply - commits.milliseconds, commit: commits.milliseconds };
}

async function parseAndStage(db: SqliteDatabase, jobId: string): Promise<Record<string, number>> {
  const body = bodyOf(RECORDS, 1);
  const reader = new BodyReader({ ...FORMAT, ...LIMITS });
  const times = { 'parse, check and pack': 0, stage: 0 };
  let ready: Batch[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    const from = performance.now();
    ready.push(...(await reader.write(body.subarray(at, at + CHUNK_BYTES))));
    times['parse, check and pack'] += performance.now() - from;
    if (ready.reduce((sum, { count }) => sum + count, 0) < RECORDS_A_STAGE) continue;
    times.stage += timeOf(() => METHODS.stage(db, { jobId, batches: ready, now: 0 }));
    ready = [];
  }
  const { batches } = await reader.end();
  const acceptance = { jobId, batches: [...ready, ...batches], actor: { name: 'bench', ip: null }, now: 0 };
  times.stage += timeOf(() => METHODS.accept(db, acceptance));
  return times;
}

function countCommits(db: SqliteDatabase): { milliseconds: number } {
  const counted = { milliseconds: 0 };
  const exec = db.exec.bind(db);
  db.exec = (sql) => {
    const time = timeOf(() => exec(sql));
    if (sql === 'COMMIT') counted.milliseconds += time;
  };
  return counted;
}

function timeOf(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

async function runEngine(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'artly-bench-'));
  const db = new SqliteDatabase(join(folder, 'steps.db'));
  try {
    migrateSqlite(db);
    process.stdout.write(`${JSON.stringify(await engine(db))}\n`);
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === THIS_FILE) {
  if (process.argv[2] === 'drain') drain();
  else await runEngine();
}
