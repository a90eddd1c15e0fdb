import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Job } from '../../src/domain/job.ts';
import { LocalJobChanges } from '../../src/services/jobChanges.ts';
import { type FeedListener, OperatorFeed } from '../../src/services/operatorFeed.ts';
import { openSqliteStorage } from '../../src/storage/sqliteStorage.ts';
import type { PlacedJob, Storage } from '../../src/storage/storage.ts';
import { member } from '../support/batches.ts';
import { StorageLine } from '../support/storageLine.ts';

describe('The feed of all jobs', () => {
  it('tells many changes of a job once, as it stands', async (test) => {
    const { feed, changes, line } = await openFeed(test);
    const heard = listen(test, feed);
    const job = await line.job([member(1, 1)]);
    for (let at = 0; at < 50; at += 1) changes.publish(job);
    await line.run(job.jobId);
    const [told] = await heard.next();
    assert.deepEqual([told?.job.jobId, told?.job.status], [job.jobId, 'completed']);
    assert.equal(heard.messages, 1);
  });

  it('says that the list is to be read anew when more changed than it tells', async (test) => {
    const { feed, changes, line } = await openFeed(test);
    const heard = listen(test, feed);
    const job = await line.job([member(1, 1)]);
    for (let at = 0; at < 201; at += 1) changes.publish({ ...job, jobId: `job ${at}` } as Job);
    await heard.missed;
    changes.publish(job);
    assert.equal((await heard.next())[0]?.job.jobId, job.jobId);
  });

  it('tries again when the storage was away', async (test) => {
    let fails = 1;
    const { feed, changes, line } = await openFeed(test, (real) => ({
      ...real,
      findPlacedJobs: async (jobs) => {
        if (fails-- > 0) throw new Error('away');
        return real.findPlacedJobs(jobs);
      },
    }));
    const heard = listen(test, feed);
    const job = await line.job([member(1, 1)]);
    changes.publish(job);
    assert.equal((await heard.next())[0]?.job.jobId, job.jobId);
  });

  it('reads nothing while nobody listens', async (test) => {
    let reads = 0;
    const { feed, changes, line } = await openFeed(test, (real) => ({
      ...real,
      findPlacedJobs: async (jobs) => {
        reads += 1;
        return real.findPlacedJobs(jobs);
      },
    }));
    feed.listen({ changed: () => undefined, missed: () => undefined })();
    changes.publish(await line.job([member(1, 1)]));
    const heard = listen(test, feed);
    const job = await line.job([member(1, 1)]);
    changes.publish(job);
    assert.deepEqual(
      (await heard.next()).map(({ job: told }) => told.jobId),
      [job.jobId],
    );
    assert.equal(reads, 1);
  });
});

async function openFeed(test: TestContext, wrap: (storage: Storage) => Storage = (storage) => storage) {
  const { storage, close } = openSqliteStorage({ path: ':memory:' });
  test.after(close);
  const changes = new LocalJobChanges();
  return {
    changes,
    line: await StorageLine.open(storage),
    feed: new OperatorFeed({ storage: wrap(storage), changes }),
  };
}

/** What a listener hears, one message after the other. */
function listen(test: TestContext, feed: OperatorFeed) {
  const queue: PlacedJob[][] = [];
  let wake = () => {};
  const missed = Promise.withResolvers<void>();
  const heard = {
    messages: 0,
    missed: missed.promise,
    next: async (): Promise<PlacedJob[]> => {
      while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return queue.shift() as PlacedJob[];
    },
  };
  const listener: FeedListener = {
    changed: (jobs) => {
      heard.messages += 1;
      queue.push(jobs);
      wake();
    },
    missed: () => missed.resolve(),
  };
  test.after(feed.listen(listener));
  return heard;
}
