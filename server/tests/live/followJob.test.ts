import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, JobStatus } from '../../src/domain/job.ts';
import { type Following, followJob } from '../../src/services/followJob.ts';
import { LocalJobChanges, type WatchedJob } from '../../src/services/jobChanges.ts';

const NAME: WatchedJob = { siteId: 1, jobId: 'a' };

describe('The stream of the versions of a job', () => {
  it('misses no change that falls between the look and the watch', async () => {
    const changes = new LocalJobChanges();
    const find = async () => {
      const asRead = version(3);
      changes.publish(version(4, 'completed'));
      return asRead;
    };
    assert.deepEqual(await versionsOf(followJob({ changes, find }, following())), [4]);
  });

  it('passes over changes that come late or twice', async () => {
    const changes = new LocalJobChanges();
    const stream = followJob({ changes, find: async () => version(3) }, following());
    assert.equal((await stream.next()).value?.version, 3);
    for (const late of [2, 3, 1]) changes.publish(version(late, 'failed'));
    const next = stream.next();
    changes.publish(version(5));
    assert.equal((await next).value?.version, 5);
    changes.publish(version(4, 'failed'));
    changes.publish(version(6, 'completed'));
    assert.deepEqual(await versionsOf(stream), [6]);
  });

  it('keeps one version for who is slow, the newest', async () => {
    const changes = new LocalJobChanges();
    const stream = followJob({ changes, find: async () => version(1) }, following());
    await stream.next();
    for (let at = 2; at < 1_000; at += 1) changes.publish(version(at));
    assert.equal((await stream.next()).value?.version, 999);
    changes.publish(version(1_000, 'cancelled'));
    assert.deepEqual(await versionsOf(stream), [1_000]);
  });

  it('gives only what is newer, and ends where nothing newer can come', async () => {
    const changes = new LocalJobChanges();
    for (const [afterVersion, expected] of [
      [6, [7]],
      [7, []],
      [8, []],
    ] as const) {
      const find = async () => version(7, 'completed');
      assert.deepEqual(await versionsOf(followJob({ changes, find }, following({ afterVersion }))), expected);
    }
  });

  it('goes on behind the end for who asks for that, as a retry does', async () => {
    const changes = new LocalJobChanges();
    const find = async () => version(7, 'cancelled');
    const stream = followJob({ changes, find }, following({ afterVersion: 7, pastEnd: true }));
    const next = stream.next();
    await new Promise((resolve) => setImmediate(resolve));
    changes.publish(version(8, 'pending'));
    assert.equal((await next).value?.version, 8);
    await stream.return(undefined);
  });

  it('ends when it is aborted, at whatever moment, and leaves no listener', async () => {
    const changes = new CountedChanges();
    const find = async () => version(3);
    const before = new AbortController();
    before.abort();
    assert.deepEqual(
      await versionsOf(followJob({ changes, find }, following({ signal: before.signal }))),
      [],
    );
    const during = new AbortController();
    const stream = followJob({ changes, find }, following({ signal: during.signal }));
    await stream.next();
    const next = stream.next();
    during.abort();
    assert.equal((await next).done, true);
    const broken = followJob({ changes, find: () => Promise.reject(new Error('broken')) }, following());
    await assert.rejects(broken.next(), /broken/);
    const left = followJob({ changes, find }, following());
    for await (const _ of left) break;
    assert.equal(changes.listeners, 0);
  });
});

class CountedChanges extends LocalJobChanges {
  listeners = 0;

  override watch(job: WatchedJob, listener: (job: Job) => void): () => void {
    this.listeners += 1;
    const forget = super.watch(job, listener);
    return () => {
      this.listeners -= 1;
      forget();
    };
  }
}

function following(more: Partial<Following> = {}): Following {
  return { ...NAME, signal: new AbortController().signal, ...more };
}

function version(number: number, status: JobStatus = 'running'): Job {
  return { ...NAME, version: number, status } as Job;
}

async function versionsOf(stream: AsyncIterable<Job>): Promise<number[]> {
  const versions: number[] = [];
  for await (const job of stream) versions.push(job.version);
  return versions;
}
