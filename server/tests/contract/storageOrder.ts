import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { member, removal } from '../support/batches.ts';
import { countsOf, StorageLine } from '../support/storageLine.ts';

/** The last start wins, record by record: rule 6 of the contract. */
export function orderContract(storage: () => Storage): void {
  describe('order', () => {
    test('an older job that is retried changes nothing that a newer one brought', async () => {
      const line = await StorageLine.open(storage());
      const old = await cancelledAfterFirstBatch(
        line,
        [1, 2, 3, 4].map((id) => member(id, 1)),
      );
      await line.done([member(1, 2), member(2, 1), removal(3)]);
      await line.retry(old);
      const job = await line.run(old);
      // 1 was overwritten, 2 was confirmed, 3 was removed: all by the newer job. 4 is the older job's own.
      assert.deepEqual(countsOf(job), { processed: 4, inserted: 0, updated: 0, unchanged: 4, rejected: 0 });
      assert.deepEqual(
        await line.balances(),
        new Map([
          ['1 points', 20_000n],
          ['2 points', 10_000n],
          ['4 points', 10_000n],
        ]),
      );
    });

    test('what a newer job found unchanged, an older one can’t change either', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1), member(2, 2, 'gold')]);
      const old = await line.job([member(1, 9), member(2, 9, 'gold'), member(3, 9)]);
      await line.cancel(old.jobId);
      const same = await line.done([member(1, 1), member(2, 2, 'gold')]);
      assert.equal(same.unchanged, 2);
      await line.retry(old.jobId);
      assert.deepEqual(countsOf(await line.run(old.jobId)), {
        processed: 3,
        inserted: 1,
        updated: 0,
        unchanged: 2,
        rejected: 0,
      });
      assert.equal((await line.balances()).get('1 points'), 10_000n);
    });

    test('what a newer job removed stays removed, also where there was nothing to remove', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1)]);
      const old = await line.job([member(1, 9), member(2, 9), member(2, 9, 'gold')]);
      await line.cancel(old.jobId);
      const removing = await line.done([removal(1), removal(2)]);
      assert.deepEqual([removing.updated, removing.unchanged], [1, 1]);
      await line.retry(old.jobId);
      const job = await line.run(old.jobId);
      assert.deepEqual([job.inserted, job.updated, job.unchanged], [1, 0, 2]);
      assert.deepEqual([...(await line.balances()).keys()], ['2 gold']);
    });

    test('what two newer jobs removed one after the other stays removed', async () => {
      const line = await StorageLine.open(storage());
      const oldest = await line.job([member(1, 7)]);
      await line.cancel(oldest.jobId);
      const old = await line.job([member(1, 9)]);
      await line.cancel(old.jobId);
      await line.done([removal(1)]);
      await line.done([removal(1)]);
      for (const { jobId } of [oldest, old]) {
        await line.retry(jobId);
        assert.equal((await line.run(jobId)).unchanged, 1);
      }
      assert.equal((await line.balances()).size, 0);
    });

    test('an older job can’t remove what a newer one brought', async () => {
      const line = await StorageLine.open(storage());
      const old = await line.job([removal(1), removal(2), member(3, 1)]);
      await line.cancel(old.jobId);
      await line.done([member(1, 1)]);
      await line.retry(old.jobId);
      const job = await line.run(old.jobId);
      assert.deepEqual([job.inserted, job.updated, job.unchanged], [1, 0, 2]);
      assert.deepEqual([...(await line.balances()).keys()], ['1 points', '3 points']);
    });

    test('a slow upload that was opened earlier brings no old values back', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 5), member(2, 5), member(3, 5)]);
      const slow = await line.upload();
      await line.done([member(1, 6), removal(2), member(3, 5)]);
      await line.accept(slow, [member(1, 1), member(2, 1), member(3, 1), member(4, 1)]);
      assert.deepEqual(countsOf(await line.run(slow)), {
        processed: 4,
        inserted: 1,
        updated: 0,
        unchanged: 3,
        rejected: 0,
      });
      assert.deepEqual([...(await line.balances()).values()], [60_000n, 50_000n, 10_000n]);
    });

    test('a job may overwrite itself: the later record of a member stands', async () => {
      const line = await StorageLine.open(storage());
      const records = Array.from({ length: 150 }, (_, at) => member((at % 50) + 1, Math.floor(at / 50)));
      const job = await line.done(records);
      assert.deepEqual([job.inserted, job.updated], [50, 100]);
      assert.ok([...(await line.balances()).values()].every((balance) => balance === 20_000n));
    });

    test('a job that is retried brings its own values again where nobody newer came', async () => {
      const line = await StorageLine.open(storage());
      const old = await cancelledAfterFirstBatch(line, [member(1, 1), removal(2), member(3, 1)]);
      await line.retry(old);
      assert.equal((await line.run(old)).unchanged, 3);
    });

    test('a newer job overwrites an older one that ran after it was created', async () => {
      const line = await StorageLine.open(storage());
      const old = await line.job([member(1, 1)]);
      const fresh = await line.job([member(1, 2)]);
      await line.run(old.jobId);
      assert.equal((await line.run(fresh.jobId)).updated, 1);
      assert.equal((await line.balances()).get('1 points'), 20_000n);
    });
  });
}

async function cancelledAfterFirstBatch(line: StorageLine, records: object[]): Promise<string> {
  const { jobId } = await line.job(records);
  await line.applyNext(await line.claimed(jobId));
  await line.cancel(jobId);
  return jobId;
}
