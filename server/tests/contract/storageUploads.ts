import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { batchesOf } from '../support/batches.ts';
import type { RecordKind } from '../support/recordKinds.ts';
import { SHOP, StorageLine } from '../support/storageLine.ts';

/** Receiving a job. */
export function uploadContract(storage: () => Storage, kind: RecordKind): void {
  const { bad, record } = kind;

  describe('uploads', () => {
    test('an upload is seen by nobody until it is accepted', async () => {
      const line = await StorageLine.of(kind, storage());
      const jobId = await line.upload();
      await line.stage(jobId, batchesOf([record(1, 1)], kind.type));
      await assertInvisible(line, jobId);
      await line.accept(jobId, []);
      assert.equal((await line.look(jobId)).status, 'pending');
    });

    test('an accepted job is pending, with nothing done yet', async () => {
      const line = await StorageLine.of(kind, storage());
      const job = await line.job([record(1, 1), bad(2), record(3, 3)]);
      const { stepMessage, ...rest } = await line.look(job.jobId);
      assert.ok(stepMessage.length > 0);
      assertHas(rest, {
        siteId: line.siteId,
        type: kind.type,
        status: 'pending',
        processed: 0,
        total: 3,
        inserted: 0,
        updated: 0,
        unchanged: 0,
        rejected: 0,
        error: null,
        failures: 0,
        attempt: 1,
        createdAt: line.now,
        startedAt: null,
        updatedAt: line.now,
        completedAt: null,
      });
      assert.ok(rest.version >= 1);
      assertHas(job, rest);
    });

    test('batches keep the order in which they were staged', async () => {
      const line = await StorageLine.of(kind, storage());
      const jobId = await line.upload();
      await line.stage(jobId, batchesOf([record(1, 1)], kind.type));
      await line.stage(jobId, [
        ...batchesOf([record(1, 2)], kind.type),
        ...batchesOf([record(1, 3)], kind.type),
      ]);
      const job = await line.accept(jobId, [record(1, 4)]);
      assert.equal(job.total, 4);
      await line.run(jobId);
      assert.equal((await line.standing()).get(1), kind.changes ? 4 : 1);
    });

    test('the birth of a job stands in its audit trail with who, when and from where', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await line.job([record(1, 1)]);
      const [entry, ...more] = await storage().listAudit({ jobId });
      assert.equal(more.length, 0);
      assert.deepEqual(
        { ...entry, detail: '' },
        {
          ...{ at: line.now, event: 'created', actor: SHOP.name, ip: SHOP.ip, attempt: 1, detail: '' },
          ...{ inserted: 0, updated: 0, unchanged: 0, rejected: 0 },
        },
      );
    });

    test('a discarded upload leaves nothing', async () => {
      const line = await StorageLine.of(kind, storage());
      const jobId = await line.upload();
      await line.stage(jobId, batchesOf([record(1, 1), bad(2)], kind.type));
      await storage().discardUpload({ jobId });
      await assertInvisible(line, jobId);
      assert.equal(await storage().hasRecords({ jobId }), false);
      await assert.rejects(line.accept(jobId, [record(1, 1)]));
      await assertInvisible(line, jobId);
    });

    test('discarding spares a job that was accepted', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await line.job([record(1, 1)]);
      await storage().discardUpload({ jobId });
      assert.equal((await line.run(jobId)).inserted, 1);
    });

    test('what was accepted takes no more records', async () => {
      const line = await StorageLine.of(kind, storage());
      const job = await line.job([record(1, 1)]);
      await assert.rejects(line.stage(job.jobId, batchesOf([record(2, 2)], kind.type)));
      await assert.rejects(line.accept(job.jobId, [record(2, 2)]));
      assert.deepEqual(await line.look(job.jobId), job);
      assert.deepEqual(await line.auditEvents(job.jobId), ['created']);
      await line.run(job.jobId);
      assert.deepEqual([...(await line.standing()).keys()], [1]);
    });

    test('a jobId that is taken is refused', async () => {
      const line = await StorageLine.of(kind, storage());
      const job = await line.job([record(1, 1)]);
      const again = { jobId: job.jobId, siteId: line.siteId, type: kind.type, now: line.now };
      await assert.rejects(storage().openUpload(again));
      assert.deepEqual(await line.look(job.jobId), job);
    });

    test('a stage that is refused keeps none of its batches', async () => {
      const line = await StorageLine.of(kind, storage());
      const jobId = await line.upload();
      const [good] = batchesOf([record(1, 1)], kind.type);
      assert.ok(good);
      const broken = { ...good, count: null as unknown as number };
      await assert.rejects(line.stage(jobId, [good, broken]));
      assert.equal((await line.accept(jobId, [record(2, 2)])).total, 1);
      await line.run(jobId);
      assert.deepEqual([...(await line.standing()).keys()], [2]);
    });

    test('the place in the order is that of openUpload, not that of accept', async () => {
      const line = await StorageLine.of(kind, storage());
      const early = await line.upload();
      const late = await line.upload();
      await line.accept(late, [record(1, 2)]);
      await line.accept(early, [record(1, 1)]);
      assert.equal(await line.claim(late), undefined);
      await line.run(early);
      await line.run(late);
      assert.equal((await line.standing()).get(1), kind.changes ? 2 : 1);
      const { siteId } = line;
      const newestFirst = await storage().listJobs({
        siteId,
        type: null,
        status: null,
        cursor: null,
        limit: 9,
      });
      assert.deepEqual(
        newestFirst.map(({ jobId }) => jobId),
        [late, early],
      );
    });

    test('an upload that is still coming in holds nobody back', async () => {
      const line = await StorageLine.of(kind, storage());
      await line.upload();
      assert.equal((await line.done([record(1, 1)])).status, 'completed');
    });
  });
}

async function assertInvisible(line: StorageLine, jobId: string): Promise<void> {
  const { storage, siteId, now } = line;
  assert.equal(await storage.findJob({ siteId, jobId }), undefined);
  assert.deepEqual(await storage.listJobs({ siteId, type: null, status: null, cursor: null, limit: 9 }), []);
  assert.ok(!(await storage.listDue({ now, limit: 100_000 })).includes(jobId));
  assert.equal(await storage.findNext({ siteId, type: line.kind.type, now }), undefined);
  assert.equal(await line.claim(jobId), undefined);
  assert.equal(await line.cancel(jobId), undefined);
  assert.equal(await line.retry(jobId), undefined);
  assert.equal(await line.applyNext({ jobId, attempt: 1 }), undefined);
  assert.equal(await line.complete({ jobId, attempt: 1 }), undefined);
}

/** Fails unless `whole` has every field of `part`. */
function assertHas(whole: object, part: object): void {
  assert.deepEqual({ ...whole, ...part }, whole);
}
