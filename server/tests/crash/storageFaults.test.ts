import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { JobWatch } from '../support/jobWatch.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { SmallDisk } from '../support/smallDisk.ts';
import { hasEnded, type JobJson, members, TestSite, temporaryFolder } from '../support/testServer.ts';

const RECORDS = 300_000;
const START = '/artly/sync/points-balances/start';
/** Two counted failures would fail the job after about a second: each fault here lasts much longer. */
const environment = { ARTLY_JOB_ATTEMPTS: '2' };
const FULL_MS = 6_000;
/** Longer than a write waits for a lock. */
const LOCKED_MS = 8_000;
/** A job goes on this soon after the fault has gone. */
const SOON_MS = 5_000;
/** Who only looks is answered this soon, also meanwhile. */
const LOOK_MS = 1_000;

describe('A full disk', () => {
  test('stops the job in hand, says so, and lets it go on by itself when there is room', async (t) => {
    const disk = await SmallDisk.mount(t, { megabytes: 128 });
    if (disk === undefined) return;
    const { server, site } = await startedServer(t, join(disk.folder, 'artly.db'));
    const watch = new JobWatch();
    const jobId = await site.start(members(RECORDS));
    await site.waitFor(jobId, ({ processed }) => processed > 0, watch.see);
    const away = server.logged('storage.away');
    disk.fill();
    await away;

    const refused = await site.call(START, members(3, { from: 9_000_000 }));
    assert.deepEqual([refused.status, refused.json.error], [507, 'STORAGE_FULL']);
    await assertLooksGoOn(site, jobId, { forMs: FULL_MS, ready: [507, 'STORAGE_FULL'], watch });
    const stopped = await site.job(jobId);
    assert.ok(stopped.processed < RECORDS, 'the job was stopped in its middle');

    disk.empty();
    await assertGoesOn(site, stopped, watch);
    const job = await site.waitFor(jobId, hasEnded, watch.see);
    assert.deepEqual([job.status, job.inserted, job.processed], ['completed', RECORDS, RECORDS]);
    assert.equal((await site.balances()).size, RECORDS);
    assert.equal((await site.call('/readyz')).status, 200);
    assert.equal(((await site.call('/artly/sync/jobs')).json.jobs as unknown[]).length, 1);
    assertOneLine(server, 'storage.away');
    await stop(server);
  });

  test('refuses a body that it has no room for, and keeps nothing of it', async (t) => {
    const disk = await SmallDisk.mount(t, { megabytes: 64 });
    if (disk === undefined) return;
    const databaseFile = join(disk.folder, 'artly.db');
    const { server, site } = await startedServer(t, databaseFile);
    disk.fill({ spare: 2 * 1024 ** 2 });
    const { status, json } = await site.call(START, members(RECORDS));
    assert.deepEqual([status, json.error], [507, 'STORAGE_FULL']);
    disk.empty();
    assert.deepEqual((await site.call('/artly/sync/jobs')).json.jobs, []);
    assert.equal((await site.waitFor(await site.start(members(5)), hasEnded)).inserted, 5);
    await untilNoneOpen(databaseFile);
    await stop(server);
  });
});

describe('A database that another program locks for long', () => {
  test('stops the job in hand, and lets it go on by itself when the lock is gone', async (t) => {
    const databaseFile = join(await temporaryFolder(t), 'artly.db');
    const { server, site } = await startedServer(t, databaseFile);
    const watch = new JobWatch();
    const jobId = await site.start(members(RECORDS));
    await site.waitFor(jobId, ({ processed }) => processed > 0, watch.see);
    const away = server.logged('storage.away');
    const other = lock(databaseFile);
    const starting = site.call(START, members(3, { from: 9_000_000 }));
    await assertLooksGoOn(site, jobId, { forMs: LOCKED_MS, ready: [503, 'STORAGE_BUSY'], watch });
    await away;
    const { status, json } = await starting;
    assert.deepEqual([status, json.error], [503, 'STORAGE_BUSY']);
    const stopped = await site.job(jobId);
    assert.ok(stopped.processed < RECORDS, 'the job was stopped in its middle');

    other.exec('ROLLBACK');
    other.close();
    await assertGoesOn(site, stopped, watch);
    const job = await site.waitFor(jobId, hasEnded, watch.see);
    assert.deepEqual([job.status, job.inserted, job.processed], ['completed', RECORDS, RECORDS]);
    assert.equal(((await site.call('/artly/sync/jobs')).json.jobs as unknown[]).length, 1);
    assertOneLine(server, 'storage.away');
    await stop(server);
  });
});

describe('A disk that may only be read', () => {
  test('is named at the start of the server, and the job goes on at the start after it', async (t) => {
    const disk = await SmallDisk.mount(t, { megabytes: 128 });
    if (disk === undefined) return;
    const databaseFile = join(disk.folder, 'artly.db');
    const { server, site } = await startedServer(t, databaseFile);
    const jobId = await site.start(members(RECORDS));
    await site.waitFor(jobId, ({ processed }) => processed > 0);
    await stop(server);
    disk.makeReadOnly();
    const refused = new ServerProcess(t, { databaseFile });
    assert.deepEqual(await refused.exited, { code: 1, signal: null });
    assert.match(refused.complaints.join(''), /read-only|can’t be opened/);
    assert.doesNotMatch(refused.complaints.join(''), /Another server|\n {4}at /);

    disk.makeWritable();
    const { server: again, site: sameSite } = await startedServer(t, databaseFile);
    const job = await sameSite.waitFor(jobId, hasEnded);
    assert.deepEqual([job.status, job.inserted], ['completed', RECORDS]);
    await stop(again);
  });
});

/** Takes the lock between two batches of the job. */
function lock(databaseFile: string): DatabaseSync {
  const other = new DatabaseSync(databaseFile, { timeout: 0 });
  while (true) {
    try {
      other.exec('BEGIN IMMEDIATE');
      return other;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== 5) throw error;
    }
  }
}

async function startedServer(t: TestContext, databaseFile: string) {
  const { server, url } = await ServerProcess.start(t, { databaseFile, environment });
  return { server, site: new TestSite(url, PROCESS_KEY) };
}

/** Looks at the job and at readyz for so long: the job is answered soon, and readyz says what is wrong. */
async function assertLooksGoOn(
  site: TestSite,
  jobId: string,
  { forMs, ready, watch }: { forMs: number; ready: [number, string]; watch: JobWatch },
): Promise<void> {
  const until = performance.now() + forMs;
  let notReady = 0;
  while (performance.now() < until) {
    const from = performance.now();
    const job = await site.job(jobId);
    const took = performance.now() - from;
    assert.ok(took < LOOK_MS, `status took ${Math.round(took)} ms`);
    assert.equal(job.status, 'running');
    watch.see(job);
    const { status, json } = await site.call('/readyz');
    assert.deepEqual([status, json.error], ready);
    notReady += 1;
    await pause(100);
  }
  assert.ok(notReady > 0);
}

/** Fails unless the job does more within seconds. */
async function assertGoesOn(site: TestSite, stopped: JobJson, watch: JobWatch): Promise<void> {
  const from = performance.now();
  await site.waitFor(stopped.jobId, (job) => job.processed > stopped.processed || hasEnded(job), watch.see);
  const took = performance.now() - from;
  assert.ok(took < SOON_MS, `it went on after ${Math.round(took)} ms`);
}

/** The log names the fault once; besides, only requests that were refused stand in it. */
function assertOneLine({ complaints }: ServerProcess, event: string): void {
  const events = complaints.map((line) => (JSON.parse(line) as { event: string }).event);
  assert.deepEqual(
    events.filter((one) => one !== 'request.failed'),
    [event],
  );
  assert.equal(events.length, 2, 'one line for the fault, and one for the start that was refused');
}

/** Resolves when no upload is open in the file any more: then the sweep drops what the refused body left. */
async function untilNoneOpen(databaseFile: string): Promise<void> {
  const looking = new DatabaseSync(databaseFile, { readOnly: true });
  const left = looking.prepare('SELECT count(*) AS count FROM jobs WHERE accepted = 0 AND records_kept = 1');
  const deadline = Date.now() + 10_000;
  while (Number(left.get()?.count) > 0) {
    assert.ok(
      Date.now() < deadline,
      `something of the upload is still there: ${statSync(databaseFile).size}`,
    );
    await pause(50);
  }
  looking.close();
}

async function stop(server: ServerProcess): Promise<void> {
  assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null });
}
