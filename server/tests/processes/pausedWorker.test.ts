import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PostgresServer, query } from '../support/postgresServer.ts';
import type { ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, type TestSite } from '../support/testServer.ts';
import { processGroup } from './processGroup.ts';

const RECORDS = 300_000;
const FROZEN_MS = 60_000;
/** Another worker must go on within so long. */
const STILL_MS = 20_000;
/** Time for a woken worker to do what it was at. */
const AWAKE_MS = 5_000;

const postgres = await PostgresServer.start();
after(() => postgres.remove());

test('a worker that is frozen for a minute in the middle of a batch loses its job, changes nothing when it wakes, and goes on with other work', async (t) => {
  const { site, all, addWorker, databaseUrl } = await processGroup(t, { workers: 1, postgres });
  const frozen = all[1] as ServerProcess;
  const jobId = await site.start(members(RECORDS));
  await site.waitFor(jobId, ({ processed }) => processed > 0);
  await freezeInBatch(frozen, databaseUrl);
  const frozenAt = performance.now();
  const left = await site.job(jobId);
  assert.ok(left.processed < RECORDS);

  const other = await addWorker();
  await site.waitFor(jobId, ({ processed }) => processed > left.processed);
  const takenOverMs = Math.round(performance.now() - frozenAt);
  t.diagnostic(
    `frozen at ${left.processed} records, with a batch open; another went on after ${takenOverMs} ms`,
  );
  assert.ok(takenOverMs < STILL_MS);
  const done = await site.waitFor(jobId, hasEnded);
  assert.deepEqual([done.status, done.processed, done.inserted], ['completed', RECORDS, RECORDS]);
  assert.ok(done.attempt > left.attempt, 'another worker took it over');

  const before = await picture(site, databaseUrl);
  await pause(FROZEN_MS - (performance.now() - frozenAt));
  process.kill(frozen.pid, 'SIGCONT');
  await pause(AWAKE_MS);
  assert.deepEqual(await picture(site, databaseUrl), before);

  await other.stop('SIGTERM');
  const next = await site.waitFor(await site.start(members(100)), hasEnded);
  assert.deepEqual([next.status, next.unchanged], ['completed', 100]);
});

/** Stops the only worker at a moment at which it has begun a transaction that holds the job. */
async function freezeInBatch(worker: ServerProcess, databaseUrl: string): Promise<void> {
  for (let tries = 1; tries <= 200; tries += 1) {
    process.kill(worker.pid, 'SIGSTOP');
    // What the server was at is done soon; then it waits for the worker.
    await pause(100);
    if ((await query(databaseUrl, OPEN_BATCHES)).length > 0) return;
    process.kill(worker.pid, 'SIGCONT');
    await pause(7);
  }
  assert.fail('the worker was never caught in the middle of a batch');
}

/** Transactions that hold the row of a job and wait for their process. */
const OPEN_BATCHES = `
  SELECT a.pid FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
  WHERE a.datname = current_database() AND a.state = 'idle in transaction'
    AND l.relation = 'artly.jobs'::regclass AND l.mode = 'RowShareLock'`;

/** Every column of every job, its audit trail, and the sums of all balances. */
async function picture(site: TestSite, databaseUrl: string) {
  const jobs = await query(databaseUrl, 'SELECT * FROM artly.jobs ORDER BY job_seq');
  const audit = await query(databaseUrl, 'SELECT * FROM artly.job_audit ORDER BY job_seq, at, event');
  const { json } = await site.call('/artly/points-balances/checksums?size=1000');
  return { jobs, audit, ranges: json.ranges };
}
