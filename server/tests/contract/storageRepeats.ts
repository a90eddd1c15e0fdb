import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Job } from '../../src/domain/job.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { batchesOf, member } from '../support/batches.ts';
import { SHOP, StorageLine } from '../support/storageLine.ts';

/** How long a key is kept here, in milliseconds. */
const KEPT_MS = 1_000;

/** Requests that their sender may repeat. */
export function repeatsContract(storage: () => Storage): void {
  describe('repeated requests', () => {
    test('the first with a key makes its job, and is found by that key', async () => {
      const line = await StorageLine.open(storage());
      const jobId = await line.upload();
      const job = await acceptOnce(line, jobId, { key: 'k', hash: 1 });
      assert.equal(job?.status, 'pending');
      const found = await storage().findRepeated({ siteId: line.siteId, idempotencyKey: 'k' });
      assert.equal(found?.jobId, jobId);
      assert.deepEqual([...found.requestHash], [1, 1]);
      assert.equal((await line.run(jobId)).inserted, 1);
    });

    test('a second with the same key makes none, and changes nothing', async () => {
      const line = await StorageLine.open(storage());
      const first = await line.upload();
      await acceptOnce(line, first, { key: 'k', hash: 1 });
      const second = await line.upload();
      for (const hash of [1, 2]) assert.equal(await acceptOnce(line, second, { key: 'k', hash }), undefined);
      assert.equal(await storage().findJob({ siteId: line.siteId, jobId: second }), undefined);
      const found = await storage().findRepeated({ siteId: line.siteId, idempotencyKey: 'k' });
      assert.deepEqual([found?.jobId, ...(found?.requestHash ?? [])], [first, 1, 1]);
      await storage().discardUpload({ jobId: second });
    });

    test('of many with the same key at once, one makes its job', async () => {
      const line = await StorageLine.open(storage());
      const uploads = await Promise.all(Array.from({ length: 8 }, () => line.upload()));
      const made = await Promise.all(uploads.map((jobId) => acceptOnce(line, jobId, { key: 'k', hash: 1 })));
      assert.equal(made.filter((job) => job !== undefined).length, 1);
    });

    test('a key belongs to its site', async () => {
      const line = await StorageLine.open(storage());
      const other = await StorageLine.open(storage());
      await acceptOnce(line, await line.upload(), { key: 'k', hash: 1 });
      assert.equal(await storage().findRepeated({ siteId: other.siteId, idempotencyKey: 'k' }), undefined);
      assert.ok(await acceptOnce(other, await other.upload(), { key: 'k', hash: 2 }));
    });

    test('a key may come again when its time is over', async () => {
      const line = await StorageLine.open(storage());
      await acceptOnce(line, await line.upload(), { key: 'k', hash: 1 });
      line.now += KEPT_MS;
      const tooEarly = await line.upload();
      assert.equal(await acceptOnce(line, tooEarly, { key: 'k', hash: 2 }), undefined);
      line.now += 1;
      assert.ok(await acceptOnce(line, tooEarly, { key: 'k', hash: 2 }));
      const found = await storage().findRepeated({ siteId: line.siteId, idempotencyKey: 'k' });
      assert.equal(found?.jobId, tooEarly);
    });

    test('old keys are dropped in slices, and younger ones stay', async () => {
      // Long before all other tests, so that none of their keys goes.
      const line = await StorageLine.open(storage(), 1_000);
      const keys = Array.from({ length: 5 }, () => randomUUID());
      for (const key of keys) await acceptOnce(line, await line.upload(), { key, hash: 1 });
      line.now += 1;
      const young = randomUUID();
      await acceptOnce(line, await line.upload(), { key: young, hash: 1 });
      const slice = () => storage().dropIdempotencyKeys({ createdBefore: line.now, limit: 3 });
      const left = async () => {
        const found = [...keys, young].map((idempotencyKey) =>
          storage().findRepeated({ siteId: line.siteId, idempotencyKey }),
        );
        return (await Promise.all(found)).filter((it) => it !== undefined).length;
      };
      assert.equal(await slice(), true);
      assert.equal(await left(), 3);
      assert.equal(await slice(), false);
      assert.equal(await left(), 1);
    });
  });
}

function acceptOnce(
  { storage, now }: StorageLine,
  jobId: string,
  { key, hash }: { key: string; hash: number },
): Promise<Job | undefined> {
  return storage.acceptOnce({
    jobId,
    batches: batchesOf([member(1, 1)]),
    actor: SHOP,
    now,
    idempotencyKey: key,
    requestHash: Uint8Array.of(hash, hash),
    keptSince: now - KEPT_MS,
  });
}
