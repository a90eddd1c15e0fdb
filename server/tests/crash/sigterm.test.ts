import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { JobWatch } from '../support/jobWatch.ts';
import { type Exit, PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, type JobJson, members, TestSite, temporaryFolder } from '../support/testServer.ts';

const RECORDS = 200_000;
/** The longest that a stop may take. */
const STOP_MS = 10_000;
/** Records of a small start. */
const SMALL = 40;
const START = '/artly/sync/points-balances/start';

describe('SIGTERM', () => {
  test('in the middle of a large job ends the server soon, and the job goes on after a restart', async (t) => {
    const { databaseFile, server, site } = await startedServer(t);
    const watch = new JobWatch();
    const jobId = await site.start(members(RECORDS));
    await site.waitFor(jobId, ({ processed }) => processed > 0, watch.see);
    await assertStops(server);

    const again = await restartedSite(t, databaseFile);
    const job = await again.waitFor(jobId, hasEnded, watch.see);
    assert.deepEqual([job.status, job.inserted, job.attempt], ['completed', RECORDS, 2]);
    const { json } = await again.call(`/artly/sync/jobs/${jobId}/audit`);
    const resumed = (json.audit as { event: string; detail: string }[]).find(
      ({ event }) => event === 'resumed',
    );
    assert.notEqual(resumed?.detail, 'from record 0 on');
    assert.equal((await again.balances()).size, RECORDS);
  });

  test('while the old endpoint waits gives 503 and JSON, and the job goes on after a restart', async (t) => {
    const { databaseFile, server, site } = await startedServer(t);
    const waiting = site.call('/artly/sync/points-balances', members(RECORDS));
    const { jobId } = await firstJob(site, ({ processed }) => processed > 0);
    const stopped = assertStops(server);
    const { status, json } = await waiting;
    await stopped;
    assert.deepEqual([status, json.success, json.error], [503, false, 'SHUTTING_DOWN']);
    assert.ok(String(json.message).length > 0);

    const again = await restartedSite(t, databaseFile);
    assert.equal((await again.waitFor(jobId, hasEnded)).inserted, RECORDS);
  });

  test('while uploads come in loses none that was answered, and keeps none by half', async (t) => {
    const { databaseFile, server, site } = await startedServer(t);
    const answered: string[] = [];
    const late: string[] = [];
    let left = Infinity;
    let stopping = false;
    // Small starts come in one after the other, some also after the signal; three senders at once.
    const senders = [0, 1, 2].map(async (sender) => {
      for (let at = 0; left > 0; at += 1, left -= 1) {
        const records = members(SMALL, { from: 1 + (at * 3 + sender) * SMALL });
        const tooLate = stopping;
        const jobId = await site.start(records).catch(() => undefined);
        if (jobId === undefined) return;
        (tooLate ? late : answered).push(jobId);
      }
    });
    // Two large bodies never end by themselves: one has sent much, the other nothing yet.
    const endless = [endlessUpload(site, members(30_000, { from: 5_000_000 })), endlessUpload(site, [])];
    await firstJob(site, hasEnded);
    await Promise.all(endless.map(({ sending }) => sending));
    left = 30;
    void server.logged('server.stopping').then(() => {
      stopping = true;
    });
    await assertStops(server);
    await Promise.all(senders);
    for (const { answer } of endless) assert.notEqual(await answer, 202);

    const again = await restartedSite(t, databaseFile);
    const jobs = await allJobs(again);
    for (const { jobId } of jobs) {
      const job = await again.waitFor(jobId, hasEnded);
      assert.deepEqual([job.status, job.inserted], ['completed', SMALL]);
    }
    const ids = new Set(jobs.map(({ jobId }) => jobId));
    assert.ok(answered.length > 0 && [...answered, ...late].every((jobId) => ids.has(jobId)));
    assert.equal((await again.balances()).size, jobs.length * SMALL);
    assert.deepEqual(late, [], 'a server that stops takes no further job, also on a connection that is open');
  });

  test('ends a server that has nothing to do at once', async (t) => {
    const { server } = await startedServer(t);
    const from = performance.now();
    await assertStops(server);
    assert.ok(performance.now() - from < 3_000);
  });
});

async function startedServer(t: TestContext) {
  const databaseFile = join(await temporaryFolder(t), 'artly.db');
  const { server, url } = await ServerProcess.start(t, { databaseFile });
  return { databaseFile, server, site: new TestSite(url, PROCESS_KEY) };
}

async function restartedSite(t: TestContext, databaseFile: string): Promise<TestSite> {
  const { url } = await ServerProcess.start(t, { databaseFile });
  return new TestSite(url, PROCESS_KEY);
}

async function assertStops(server: ServerProcess): Promise<void> {
  const from = performance.now();
  const exit: Exit = await server.stop('SIGTERM');
  const took = performance.now() - from;
  assert.deepEqual(exit, { code: 0, signal: null }, server.complaints.join(''));
  assert.ok(took < STOP_MS, `it took ${Math.round(took)} ms`);
}

async function allJobs(site: TestSite): Promise<JobJson[]> {
  const all: JobJson[] = [];
  let path: string | undefined = '/artly/sync/jobs?limit=1000';
  while (path !== undefined) {
    const { jobs, nextCursor } = (await site.call(path)).json as {
      jobs: JobJson[];
      nextCursor: string | null;
    };
    all.push(...jobs);
    path = nextCursor === null ? undefined : `/artly/sync/jobs?limit=1000&cursor=${nextCursor}`;
  }
  return all;
}

/** The first job of the site, once it is there and `done` says so. */
async function firstJob(site: TestSite, done: (job: JobJson) => boolean): Promise<JobJson> {
  while (true) {
    const { jobs } = (await site.call('/artly/sync/jobs?limit=1000')).json as { jobs: JobJson[] };
    const job = jobs.at(-1);
    if (job !== undefined && done(job)) return job;
  }
}

/** A start whose body begins with `records` and never ends. `answer` is its status, or why there is none. */
function endlessUpload(site: TestSite, records: object[]) {
  const sent = Promise.withResolvers<void>();
  const begin = Buffer.from(`[${records.map((record) => `${JSON.stringify(record)},`).join('')}`);
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulls += 1;
      if (pulls === 1) return controller.enqueue(begin);
      sent.resolve();
      return new Promise<void>(() => {});
    },
  });
  const headers = { 'content-type': 'application/json' };
  const answer = site.fetch(START, { method: 'POST', headers, body, duplex: 'half' } as RequestInit).then(
    ({ status }) => status,
    (error: unknown) => error,
  );
  return { sending: sent.promise, answer };
}
