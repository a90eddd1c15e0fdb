import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { countsFor, type RecordKind } from '../support/recordKinds.ts';
import { countsOf, StorageLine } from '../support/storageLine.ts';

/** The last start wins, record by record: rule 6 of the contract. Of what never changes, the first to come. */
export function orderContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  describe('order', () => {
    test('an older job that is retried changes nothing that a newer one brought or found unchanged', async () => {
      const line = await StorageLine.of(kind, storage());
      await line.done([record(3, 3)]);
      const old = await cancelledAfterFirstBatch(
        line,
        [1, 2].map((id) => record(id, 1)),
      );
      const waiting = await line.job([1, 3, 4].map((id) => record(id, 9)));
      await line.cancel(waiting.jobId);
      const newer = await line.done([record(1, 2), record(2, 1), record(3, 3)]);
      assert.deepEqual(countsOf(newer), countsFor(kind, { updated: 1, unchanged: 2 }));
      for (const jobId of [old, waiting.jobId]) await line.retry(jobId);
      assert.deepEqual(countsOf(await line.run(old)), countsFor(kind, { unchanged: 2 }));
      assert.deepEqual(
        countsOf(await line.run(waiting.jobId)),
        countsFor(kind, { inserted: 1, unchanged: 2 }),
      );
      const standing = await line.standing();
      const values = [1, 2, 3, 4].map((id) => standing.get(id));
      assert.deepEqual(values, kind.changes ? [2, 1, 3, 9] : [1, 1, 3, 9]);
    });

    test('a slow upload that was opened earlier brings no old values back', async () => {
      const line = await StorageLine.of(kind, storage());
      await line.done([1, 2].map((id) => record(id, 5)));
      const slow = await line.upload();
      await line.done([record(1, 6), record(2, 5)]);
      await line.accept(
        slow,
        [1, 2, 3].map((id) => record(id, 1)),
      );
      assert.deepEqual(countsOf(await line.run(slow)), countsFor(kind, { inserted: 1, unchanged: 2 }));
      const standing = await line.standing();
      assert.deepEqual(
        [1, 2, 3].map((id) => standing.get(id)),
        kind.changes ? [6, 5, 1] : [5, 5, 1],
      );
    });

    test('a job may overwrite itself: the later record of a key stands, where it can change', async () => {
      const line = await StorageLine.of(kind, storage());
      const job = await line.done(
        Array.from({ length: 150 }, (_, at) => record((at % 50) + 1, Math.floor(at / 50))),
      );
      assert.deepEqual(countsOf(job), countsFor(kind, { inserted: 50, updated: 100 }));
      const values = new Set((await line.standing()).values());
      assert.deepEqual([...values], [kind.changes ? 2 : 0]);
    });

    test('a job that is retried finds its own records where nobody newer came', async () => {
      const line = await StorageLine.of(kind, storage());
      const old = await cancelledAfterFirstBatch(line, [record(1, 1), record(3, 1)]);
      await line.retry(old);
      assert.equal((await line.run(old)).unchanged, 2);
    });

    test('a newer job overwrites an older one that ran after it was created', async () => {
      const line = await StorageLine.of(kind, storage());
      const old = await line.job([record(1, 1)]);
      const fresh = await line.job([record(1, 2)]);
      await line.run(old.jobId);
      assert.deepEqual(countsOf(await line.run(fresh.jobId)), countsFor(kind, { updated: 1 }));
      assert.equal((await line.standing()).get(1), kind.changes ? 2 : 1);
    });
  });
}

export async function cancelledAfterFirstBatch(line: StorageLine, records: object[]): Promise<string> {
  const { jobId } = await line.job(records);
  await line.applyNext(await line.claimed(jobId));
  await line.cancel(jobId);
  return jobId;
}
