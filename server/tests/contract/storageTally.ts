import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobStatus } from '../../src/domain/job.ts';
import type { JobTally, Storage } from '../../src/storage/storage.ts';
import { member } from '../support/batches.ts';
import { LEASE_MS, StorageLine, TYPE } from '../support/storageLine.ts';

/** Counting jobs for who watches over the server. Other tests have jobs here too: their clocks run long after these. */
export function tallyContract(storage: () => Storage): void {
  describe('tally', () => {
    countsContract(storage);
    queueAgeContract(storage);
  });
}

function countsContract(storage: () => Storage): void {
  test('counts jobs of all sites by type and state, and no upload that nobody sees', async () => {
    const lines = [await StorageLine.open(storage()), await StorageLine.open(storage())];
    const [first, second] = lines as [StorageLine, StorageLine];
    const counts = async () => (await storage().tallyJobs({ now: first.now })).counts;
    const before = await counts();
    /** How many more there are than before. */
    const more = async (status: JobStatus) => numberOf(await counts(), status) - numberOf(before, status);
    await first.upload();
    assert.equal(await more('pending'), 0);
    const job = await first.job([member(1, 1)]);
    await second.job([member(1, 1)]);
    assert.equal(await more('pending'), 2);
    await first.claimed(job.jobId);
    assert.deepEqual([await more('pending'), await more('running')], [1, 1]);
    await first.cancel(job.jobId);
    assert.deepEqual([await more('running'), await more('cancelled')], [0, 1]);
  });
}

function numberOf(counts: JobTally['counts'], status: JobStatus): number {
  return counts.find((one) => one.type === TYPE && one.status === status)?.jobs ?? 0;
}

function queueAgeContract(storage: () => Storage): void {
  const oldest = async (now: number) => (await storage().tallyJobs({ now })).oldestDueAt;

  test('tells since when the oldest job waits that a worker might take', async () => {
    const line = await StorageLine.open(storage(), 1_000);
    const { jobId } = await line.job([member(1, 1)]);
    line.now = 2_000;
    const behind = await line.job([member(2, 1)]);
    assert.equal(await oldest(line.now), 1_000);
    const claim = await line.claimed(jobId);
    assert.notEqual(await oldest(line.now), 2_000, 'who stands behind another is not due');
    await line.applyNext(claim);
    await line.complete(claim);
    assert.equal(await oldest(line.now), 2_000);
    await line.cancel(behind.jobId);
  });

  test('a job whose worker is gone waits since its lease ran out', async () => {
    const line = await StorageLine.open(storage(), 3_000);
    const { jobId } = await line.job([member(1, 1)]);
    await line.claimed(jobId);
    const ranOut = line.now + LEASE_MS;
    assert.notEqual(await oldest(ranOut - 1), ranOut);
    assert.equal(await oldest(ranOut + 500), ranOut);
    await line.cancel(jobId);
  });

  test('a job that rests after a failure waits from the end of its rest on', async () => {
    const line = await StorageLine.open(storage(), 4_000);
    const { jobId } = await line.job([member(1, 1)]);
    const claim = await line.claimed(jobId);
    await storage().postpone({ ...claim, delayMs: 700, reason: 'A test.', now: line.now });
    assert.notEqual(await oldest(line.now + 699), 4_700);
    assert.equal(await oldest(line.now + 900), 4_700);
    await line.cancel(jobId);
  });
}
