import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import type { Job } from '../../src/domain/job.ts';
import { PostgresNotices } from '../../src/notices/postgresNotices.ts';
import type { Queue } from '../../src/queue/queue.ts';
import { systemClock } from '../../src/services/clock.ts';
import { SharedJobChanges } from '../../src/services/sharedJobChanges.ts';
import { StorageWatch } from '../../src/services/storageWatch.ts';
import { SyncJobService } from '../../src/services/syncJobService.ts';
import { openSqliteStorage } from '../../src/storage/sqliteStorage.ts';
import { member } from '../support/batches.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { StorageLine } from '../support/storageLine.ts';
import { quietLog, quietMetrics } from '../support/testServer.ts';
import { deafAtListen, LeakyProxy } from './leakyProxy.ts';
import { cutListeners } from './listeners.ts';

const server = await PostgresServer.start();
after(() => server.remove());

describe('changes of jobs in other processes', () => {
  test('wake who watches, with the job as its row says', async (t) => {
    const { here, there, line, job } = await twoProcesses(t);
    const seen = watch(here.changes, job);
    const claim = await line.claimed(job.jobId);
    const running = await line.look(job.jobId);
    there.changes.publish(running);
    assert.equal((await seen.until(({ status }) => status === 'running')).version, running.version);
    await line.applyNext(claim);
    there.changes.publish((await line.complete(claim)) as Job);
    await seen.until(({ status }) => status === 'completed');
    const versions = seen.jobs.map(({ version }) => version);
    assert.deepEqual(
      versions,
      [...new Set(versions)].sort((a, b) => a - b),
    );
  });

  test('are read after a cut connection, also where no note says so', async (t) => {
    const { here, url, line, job } = await twoProcesses(t);
    const seen = watch(here.changes, job);
    await cutListeners(url);
    await line.cancel(job.jobId);
    await seen.until(({ status }) => status === 'cancelled');
  });

  test('are read every second while no notes come in', async (t) => {
    const proxy = await LeakyProxy.start(server.port, { changes: deafAtListen });
    t.after(() => proxy.stop());
    const { here, line, job } = await twoProcesses(t, { port: proxy.port });
    const seen = watch(here.changes, job);
    await line.cancel(job.jobId);
    await seen.until(({ status }) => status === 'cancelled');
  });

  test('are told to who watches all, whichever job it is, and that some were missed after a cut', async (t) => {
    const { here, there, url, line, job } = await twoProcesses(t);
    const heard = watchAll(t, here.changes);
    there.changes.publish(job);
    await heard.untilChanged(job.jobId);
    const other = await line.job([member(1, 1)]);
    there.changes.publish(other);
    await heard.untilChanged(other.jobId);
    await cutListeners(url);
    await heard.untilMissed();
  });

  test('are called missed again and again while no notes come in', async (t) => {
    const proxy = await LeakyProxy.start(server.port, { changes: deafAtListen });
    t.after(() => proxy.stop());
    const { here } = await twoProcesses(t, { port: proxy.port });
    const heard = watchAll(t, here.changes);
    await heard.untilMissed();
    await heard.untilMissed();
  });

  test('cost no read where nobody watches, and no second one for what is known', async (t) => {
    const { here, there, line, job } = await twoProcesses(t);
    const other = await line.job([member(1, 1)]);
    const seen = watch(here.changes, job);
    await line.cancel(job.jobId);
    there.changes.publish(await line.look(other.jobId));
    there.changes.publish(await line.look(job.jobId));
    await seen.until(({ status }) => status === 'cancelled');
    const reads = here.reads.length;
    there.changes.publish(await line.look(job.jobId));
    there.changes.publish(await line.look(other.jobId));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(here.reads.slice(reads), []);
    assert.deepEqual(new Set(here.reads), new Set([job.jobId]));
  });

  test('let untilEnded resolve, which the old endpoint waits for', async (t) => {
    const { here, there, line, job } = await twoProcesses(t);
    const ended = jobsOf(here).untilEnded(line.siteId, job.jobId, new AbortController().signal);
    const jobs = jobsOf(there);
    const claimed = (await jobs.claim(job.jobId, 'worker')) as Job;
    const claim = { jobId: job.jobId, attempt: claimed.attempt };
    await jobs.applyNext(claimed);
    await jobs.complete(claim);
    assert.equal((await ended).status, 'completed');
  });
});

/** Two who share rows, and notes through PostgreSQL. */
async function twoProcesses(t: TestContext, { port = server.port } = {}) {
  const { storage, close } = openSqliteStorage({ path: ':memory:' });
  const url = await server.database();
  const open = async () => {
    const reads: string[] = [];
    const spied = {
      ...storage,
      findJob: (query: { siteId: number; jobId: string }) => {
        reads.push(query.jobId);
        return storage.findJob(query);
      },
    };
    const way = url.replace(`:${server.port}/`, `:${port}/`);
    const notices = new PostgresNotices({ url: way, log: quietLog });
    const changes = new SharedJobChanges({ notices, storage: spied });
    const hears = new Promise<void>((resolve) => notices.onGap(resolve));
    await notices.start();
    if (port === server.port) await hears;
    changes.start();
    t.after(async () => {
      await changes.stop();
      await notices.stop();
    });
    return { storage, changes, reads };
  };
  const [here, there] = [await open(), await open()];
  t.after(close);
  const line = await StorageLine.open(storage);
  return { here, there, url, line, job: await line.job([member(1, 1)]) };
}

function jobsOf({ storage, changes }: Awaited<ReturnType<typeof twoProcesses>>['here']): SyncJobService {
  const queue: Queue = { async send() {}, async work() {}, async stop() {} };
  const watchOf = new StorageWatch({ storage, log: quietLog });
  const rest = { clock: systemClock, log: quietLog, metrics: quietMetrics, watch: watchOf, maxAttempts: 5 };
  return new SyncJobService({ storage, queue, changes, ...rest });
}

function watch(changes: SharedJobChanges, job: Job) {
  const jobs: Job[] = [];
  const waiting = new Set<() => void>();
  changes.watch(job, (changed) => {
    jobs.push(changed);
    for (const look of waiting) look();
  });
  const until = (done: (job: Job) => boolean) =>
    new Promise<Job>((resolve) => {
      const look = () => {
        const found = jobs.find(done);
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { jobs, until };
}

/** What somebody hears who watches all jobs. */
function watchAll(t: TestContext, changes: SharedJobChanges) {
  const changed = new Set<string>();
  let missed = 0;
  let wake = () => {};
  const stop = changes.watchAll({
    changed: (jobId) => {
      changed.add(jobId);
      wake();
    },
    missed: () => {
      missed += 1;
      wake();
    },
  });
  t.after(stop);
  const until = async (is: () => boolean) => {
    while (!is()) await new Promise<void>((resolve) => (wake = resolve));
  };
  return {
    untilChanged: (jobId: string) => until(() => changed.has(jobId)),
    /** One more time than before. */
    untilMissed: () => {
      const before = missed;
      return until(() => missed > before);
    },
  };
}
