import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, member, removal } from '../support/batches.ts';
import { RECORD_KINDS } from '../support/recordKinds.ts';
import { SHOP, StorageLine, TYPE } from '../support/storageLine.ts';

const NOW = 1_750_000_000_000;

/** Deleting a site. */
export function siteRemovalContract(storage: () => Storage): void {
  describe('removing a site', () => {
    test('deletes all that is its own, in slices, says how much, and touches no other site', async () => {
      const [gone, other] = [await StorageLine.open(storage()), await StorageLine.open(storage())];
      for (const line of [gone, other]) await fill(line);
      const jobs = await jobIdsOf(gone);
      const dropped = await dropAll(storage(), gone.siteId, 7);
      assert.deepEqual(dropped, { jobs: 6, balances: 29, records: 2 });
      assert.deepEqual(await jobIdsOf(gone), []);
      assert.equal((await gone.balances()).size, 0);
      for (const jobId of jobs) {
        assert.deepEqual(await storage().listAudit({ jobId }), []);
        assert.deepEqual(await storage().listRejects({ jobId, afterIndex: -1, limit: 10 }), []);
      }
      assert.ok(!(await storage().listSites({})).some(({ siteId }) => siteId === gone.siteId));
      assert.equal((await jobIdsOf(other)).length, 6);
      assert.equal((await other.balances()).size, 29);
      assert.ok((await storage().listSites({})).some(({ siteId }) => siteId === other.siteId));
    });

    test('lets its address and its Idempotency-Keys be used again', async () => {
      const url = `https://${randomUUID()}.example`;
      const key = () => ({ keyId: randomUUID(), keyHash: randomBytes(32) });
      const { siteId } = await storage().addSite({ url, key: key(), now: NOW });
      const request = { idempotencyKey: 'k', requestHash: randomBytes(32), keptSince: 0 };
      const once = async (site: number) => {
        const line = new StorageLine(storage(), site, NOW);
        const jobId = await line.upload();
        return storage().acceptOnce({ jobId, batches: [], actor: SHOP, now: NOW, ...request });
      };
      assert.ok(await once(siteId));
      await dropAll(storage(), siteId, 100);
      const again = await storage().addSite({ url, key: key(), now: NOW });
      assert.ok(await once(again.siteId));
    });

    test('refuses the writes of a worker that still has one of its jobs', async () => {
      const line = await StorageLine.open(storage());
      const { jobId } = await line.job([member(1, 1)]);
      const claim = await line.claimed(jobId);
      await dropAll(storage(), line.siteId, 100);
      assert.equal(await line.applyNext(claim), undefined);
      assert.equal((await line.balances()).size, 0);
    });
  });
}

async function fill(line: StorageLine): Promise<void> {
  await line.done([...Array.from({ length: 30 }, (_, at) => member(at + 1, 1)), badRecord(99)]);
  await line.done([removal(1)]);
  const { jobId } = await line.job(Array.from({ length: 20 }, () => badRecord(1)));
  await line.cancel(jobId);
  await line.job([member(1, 1)]);
  for (const kind of RECORD_KINDS.filter(({ type }) => type !== TYPE)) {
    await new StorageLine(line.storage, line.siteId, line.now, kind).done([kind.record(1, 1)]);
  }
}

async function dropAll(storage: Storage, siteId: number, limit: number) {
  const total = { jobs: 0, balances: 0, records: 0 };
  let more = true;
  while (more) {
    const slice = await storage.dropSite({ siteId, limit });
    assert.ok(slice.dropped.jobs <= limit && slice.dropped.balances <= limit);
    total.jobs += slice.dropped.jobs;
    total.balances += slice.dropped.balances;
    total.records += slice.dropped.records;
    more = slice.more;
  }
  return total;
}

async function jobIdsOf({ storage, siteId }: StorageLine): Promise<string[]> {
  const jobs = await storage.listJobs({ siteId, type: null, status: null, cursor: null, limit: 100 });
  return jobs.map(({ jobId }) => jobId);
}
