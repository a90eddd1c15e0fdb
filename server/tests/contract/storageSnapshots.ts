import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IdRange } from '../../src/domain/idRange.ts';
import type { Claim, JobStep, Storage } from '../../src/storage/storage.ts';
import { badRecord, member, removal } from '../support/batches.ts';
import { LEASE_MS, StorageLine, TYPE } from '../support/storageLine.ts';

/** Jobs that are the whole picture of a site, or of ranges of its members. */
export function snapshotsContract(storage: () => Storage): void {
  describe('snapshots', () => {
    test('what a snapshot did not carry goes in slices, each counted, and what it carried stays', async () => {
      const line = await StorageLine.open(storage());
      await line.done(range(1, 10).map((id) => member(id, 1)));
      const claim = await appliedSnapshot(line, [member(1, 1), member(2, 2), member(11, 1)]);
      assert.deepEqual(await storage().countMissing(claim), { missing: 8, standing: 11 });
      const removed = [];
      for (let step = await remove(line, claim, 3); step?.more; step = await remove(line, claim, 3)) {
        removed.push(step.job.removed);
      }
      assert.deepEqual(removed, [3, 6, 8]);
      assert.deepEqual([...(await line.balances()).keys()], ['1 points', '2 points', '11 points']);
      assert.equal((await line.complete(claim))?.status, 'completed');
    });

    test('a rejected member, another type of points and another site lose nothing', async () => {
      const line = await StorageLine.open(storage());
      const other = await StorageLine.open(storage());
      await other.done([member(5, 1)]);
      await line.done([member(1, 1), member(2, 2), member(3, 3), member(3, 3, 'gold')]);
      const claim = await appliedSnapshot(line, [member(1, 1), badRecord(2)]);
      await remove(line, claim, 100);
      assert.deepEqual([...(await line.balances()).keys()], ['1 points', '2 points', '3 gold']);
      assert.equal((await other.balances()).size, 1);
    });

    test('what a snapshot removed, an older job can’t bring back', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1), member(2, 2), member(3, 3)]);
      const old = await line.job([member(3, 9)]);
      await line.cancel(old.jobId);
      const { jobId } = await snapshot(line, [member(1, 1), removal(2)]);
      const claim = await line.claimed(jobId);
      await line.applyNext(claim);
      await remove(line, claim, 100);
      await line.complete(claim);
      await line.retry(old.jobId);
      assert.equal((await line.run(old.jobId)).unchanged, 1);
      assert.deepEqual([...(await line.balances()).keys()], ['1 points']);
    });

    test('a snapshot that is retried removes nothing that a newer job brought', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1)]);
      const { jobId } = await snapshot(line, [member(1, 1)]);
      await line.cancel(jobId);
      await line.done([member(2, 2)]);
      await line.retry(jobId);
      const claim = await line.claimed(jobId);
      await line.applyNext(claim);
      assert.equal((await storage().countMissing(claim)).missing, 0);
      assert.equal((await remove(line, claim, 100))?.more, false);
      assert.equal((await line.balances()).size, 2);
    });

    test('nothing is removed before all batches are applied, after a cancel, or for a lost claim', async () => {
      const line = await StorageLine.open(storage());
      await line.done(range(1, 100).map((id) => member(id, 1)));
      const { jobId } = await snapshot(
        line,
        range(1, 60).map((id) => member(id, 1)),
      );
      const lost = await line.claimed(jobId, 'sleeper');
      await line.applyNext(lost);
      assert.equal(await remove(line, lost, 10), undefined, 'a batch is to come');
      line.now += LEASE_MS;
      const claim = await line.claimed(jobId, 'other');
      await line.applyNext(claim);
      assert.equal(await remove(line, lost, 10), undefined, 'another has the claim');
      await remove(line, claim, 10);
      const cancelled = await line.cancel(jobId);
      assert.equal(await remove(line, claim, 10), undefined, 'cancelled');
      assert.equal(cancelled?.removed, 10);
      assert.equal((await line.balances()).size, 90);
    });

    rangesContract(storage);
  });
}

function rangesContract(storage: () => Storage): void {
  const ranges: IdRange[] = [
    [3, 5],
    [8, 8],
    [20, Number.MAX_SAFE_INTEGER],
  ];

  test('a snapshot of ranges removes within them alone, both ends included', async () => {
    const line = await StorageLine.open(storage());
    await line.done(range(1, 30).map((id) => member(id, 1)));
    const claim = await appliedSnapshot(line, [member(4, 4), member(25, 1)], ranges);
    assert.deepEqual(await storage().countMissing(claim), { missing: 13, standing: 30 });
    assert.equal((await remove(line, claim, 100))?.job.removed, 13);
    assert.equal((await remove(line, claim, 100))?.more, false);
    const stay = [1, 2, 4, 6, 7, ...range(9, 19), 25].map((id) => `${id} points`);
    assert.deepEqual([...(await line.balances()).keys()], stay);
    assert.equal((await line.complete(claim))?.removed, 13);
  });

  test('the slices of a snapshot of ranges go on from range to range, none too large', async () => {
    const line = await StorageLine.open(storage());
    await line.done(range(1, 30).map((id) => member(id, 1)));
    const claim = await appliedSnapshot(line, [member(4, 4), member(25, 1)], ranges);
    const removed = [];
    for (let step = await remove(line, claim, 3); step?.more; step = await remove(line, claim, 3)) {
      removed.push(step.job.removed);
    }
    assert.deepEqual(removed, [3, 6, 9, 12, 13]);
  });

  test('records outside of the ranges of a snapshot are applied as in a merge', async () => {
    const line = await StorageLine.open(storage());
    await line.done(range(1, 9).map((id) => member(id, 1)));
    const claim = await appliedSnapshot(line, [member(1, 7), removal(2), member(12, 7)], ranges);
    await remove(line, claim, 100);
    assert.deepEqual(
      [...(await line.balances())].map(([key, balance]) => [key, Number(balance) / 10_000]),
      [
        ['1 points', 7],
        ['6 points', 1],
        ['7 points', 1],
        ['9 points', 1],
        ['12 points', 7],
      ],
    );
  });

  test('a snapshot of ranges spares rejected members, other types of points and what a newer job brought', async () => {
    const line = await StorageLine.open(storage());
    await line.done([...range(1, 9).map((id) => member(id, 1)), member(4, 1, 'gold')]);
    const { jobId } = await snapshot(line, [badRecord(3), member(5, 5)], [[1, 8]]);
    await line.cancel(jobId);
    await line.done([member(6, 6)]);
    await line.retry(jobId);
    const claim = await line.claimed(jobId);
    await line.applyNext(claim);
    assert.equal((await remove(line, claim, 100))?.job.removed, 5);
    assert.deepEqual(
      [...(await line.balances()).keys()],
      ['3 points', '4 gold', '5 points', '6 points', '9 points'],
    );
  });
}

async function snapshot(
  line: StorageLine,
  records: object[],
  ranges: IdRange[] | null = null,
): Promise<{ jobId: string }> {
  const jobId = crypto.randomUUID();
  const { storage, siteId, now } = line;
  const plan = { mode: 'snapshot', confirmRemoval: true, ranges } as const;
  await storage.openUpload({ jobId, siteId, type: TYPE, now, ...plan });
  return line.accept(jobId, records);
}

async function appliedSnapshot(
  line: StorageLine,
  records: object[],
  ranges: IdRange[] | null = null,
): Promise<Claim> {
  const claim = await line.claimed((await snapshot(line, records, ranges)).jobId);
  while ((await line.applyNext(claim)) !== undefined);
  return claim;
}

function remove(line: StorageLine, claim: Claim, limit: number): Promise<JobStep | undefined> {
  return line.storage.removeMissing({ ...claim, limit, leaseMs: LEASE_MS, now: line.now });
}

/** Whole numbers, both ends included. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
