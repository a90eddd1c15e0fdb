import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Job } from '../../src/domain/job.ts';
import type { Part, Storage } from '../../src/storage/storage.ts';
import { batchesOf } from '../support/batches.ts';
import { BALANCES, countsFor, type RecordKind } from '../support/recordKinds.ts';
import { countsOf, SHOP, StorageLine } from '../support/storageLine.ts';

/** Receiving a job in parts. */
export function partsContract(storage: () => Storage, kind: RecordKind): void {
  const { bad, record } = kind;

  describe('jobs in parts', () => {
    test('are seen at once, and nobody works on them before their commit', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await open(line, { expectedTotal: 2 });
      await put(line, jobId, 0, [record(1, 1)]);
      const job = await line.look(jobId);
      assert.deepEqual(
        [job.status, job.inParts, job.total, job.expectedTotal],
        ['pending', 'receiving', 1, 2],
      );
      assert.equal(await line.claim(jobId), undefined);
      assert.ok(!(await storage().listDue({ now: line.now, limit: 1_000 })).includes(jobId));
      assert.deepEqual(
        (await listed(line)).map((one) => one.jobId),
        [jobId],
      );
    });

    test('are applied in the order of their parts, in whatever order these came', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await open(line);
      await put(line, jobId, 2, [record(1, 3), record(3, 3)]);
      await put(line, jobId, 0, [record(1, 1)], { staged: [record(2, 1), bad(9)] });
      await put(line, jobId, 1, [bad(8), record(1, 2)]);
      const job = await commit(line, jobId, { parts: 3, records: 7 });
      assert.deepEqual([job?.status, job?.inParts], ['pending', 'committed']);
      const done = await line.run(jobId);
      assert.deepEqual(countsOf(done), countsFor(kind, { inserted: 3, updated: 2, rejected: 2 }));
      assert.equal((await line.standing()).get(1), kind.changes ? 3 : 1);
      const rejects = await storage().listRejects({ jobId, afterIndex: -1, limit: 10 });
      assert.deepEqual(
        rejects.map(({ index, wpUserId }) => [index, wpUserId]),
        [
          [1, 9],
          [3, 8],
        ],
      );
    });

    test('keep a part as it came first, and tell what it was', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await open(line);
      const first = await put(line, jobId, 5, [record(1, 1)]);
      const before = await line.look(jobId);
      const again = await put(line, jobId, 5, [record(1, 1), record(2, 2)], { hash: 7 });
      assert.deepEqual(plain(again?.part), plain(first?.part));
      assert.deepEqual(await line.look(jobId), before);
      assert.deepEqual((await storage().listParts({ jobId })).map(plain), [
        { part: 5, records: 1, contentHash: [1, 1] },
      ]);
    });

    test('are committed with the very parts and records that are there, and once', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await open(line);
      await put(line, jobId, 0, [record(1, 1)]);
      await put(line, jobId, 2, [record(2, 2)]);
      for (const wrong of [
        { parts: 2, records: 2 },
        { parts: 3, records: 2 },
        { parts: 1, records: 1 },
      ]) {
        assert.equal(await commit(line, jobId, wrong), undefined);
      }
      await put(line, jobId, 1, [record(3, 3)]);
      assert.equal(await commit(line, jobId, { parts: 3, records: 4 }), undefined);
      assert.ok(await commit(line, jobId, { parts: 3, records: 3 }));
      assert.equal(await commit(line, jobId, { parts: 3, records: 3 }), undefined);
      assert.equal(await put(line, jobId, 3, [record(4, 4)]), undefined);
      assert.deepEqual(await line.auditEvents(jobId), ['created', 'committed']);
      assert.equal((await line.run(jobId)).inserted, 3);
    });

    test('have their place in the order from their birth, and hold up nobody until their commit', async () => {
      const line = await StorageLine.of(kind, storage());
      await line.done([record(2, 5)]);
      const { jobId } = await open(line);
      await line.done([record(1, 2), record(2, 5)]);
      await put(line, jobId, 0, [record(1, 1), record(2, 1), record(3, 1)]);
      await commit(line, jobId, { parts: 1, records: 3 });
      const done = await line.run(jobId);
      assert.deepEqual(countsOf(done), countsFor(kind, { inserted: 1, unchanged: 2 }));
      const standing = await line.standing();
      assert.deepEqual(
        [1, 2, 3].map((id) => standing.get(id)),
        [2, 5, 1],
      );
    });

    test('that are cancelled before their commit take nothing more, and can’t be tried again', async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await open(line);
      await put(line, jobId, 0, [record(1, 1)]);
      const cancelled = await line.cancel(jobId);
      assert.deepEqual([cancelled?.status, cancelled?.inParts], ['cancelled', null]);
      assert.equal(await put(line, jobId, 1, [record(2, 2)]), undefined);
      assert.equal(await commit(line, jobId, { parts: 1, records: 1 }), undefined);
      assert.equal(await line.retry(jobId), undefined);
      assert.equal(await storage().hasRecords({ jobId }), false);
    });

    test('fail when they were left alone for too long, and only then', async () => {
      const line = await StorageLine.of(kind, storage());
      const left = await open(line);
      const busy = await open(line);
      const { jobId: committed } = await open(line);
      await put(line, committed, 0, [record(1, 1)]);
      await commit(line, committed, { parts: 1, records: 1 });
      line.now += 500;
      await put(line, busy.jobId, 0, [record(1, 1)]);
      const abandoned = await storage().abandonParts({ untouchedSince: line.now, limit: 10, now: line.now });
      const mine = abandoned.filter(({ siteId }) => siteId === line.siteId);
      assert.deepEqual(
        mine.map(({ jobId }) => jobId),
        [left.jobId],
      );
      const job = await line.look(left.jobId);
      assert.deepEqual([job.status, job.error?.code], ['failed', 'UPLOAD_ABANDONED']);
      assert.deepEqual(await line.auditEvents(left.jobId), ['created', 'abandoned']);
      assert.equal((await line.look(busy.jobId)).inParts, 'receiving');
      assert.equal((await line.run(committed)).inserted, 1);
    });

    test('are made once by a request that is repeated', async () => {
      const line = await StorageLine.of(kind, storage());
      const request = { idempotencyKey: 'k', requestHash: Buffer.from([1]), keptSince: 0 };
      const first = await open(line, { request });
      const second = await storage().openParts({ ...newJob(line), request });
      assert.equal(second, undefined);
      const found = await storage().findRepeated({ siteId: line.siteId, idempotencyKey: 'k' });
      assert.equal(found?.jobId, first.jobId);
      assert.equal((await listed(line)).length, 1);
    });
  });
}

/** Only balances can be a snapshot. */
export function emptySnapshotContract(storage: () => Storage): void {
  test('a job in parts may be a snapshot of nothing', async () => {
    const line = await StorageLine.open(storage());
    await line.done([BALANCES.record(1, 1)]);
    const { jobId } = await open(line, { mode: 'snapshot', confirmRemoval: true });
    assert.ok(await commit(line, jobId, { parts: 0, records: 0 }));
    const claim = await line.claimed(jobId);
    assert.equal(await line.applyNext(claim), undefined);
    const step = await storage().removeMissing({ ...claim, limit: 10, leaseMs: 1_000, now: line.now });
    assert.equal(step?.job.removed, 1);
    assert.equal((await line.complete(claim))?.status, 'completed');
  });
}

function newJob({ siteId, now, kind: { type } }: StorageLine) {
  return { jobId: randomUUID(), siteId, type, now, expectedTotal: null, actor: SHOP, request: null };
}

async function open(
  line: StorageLine,
  options: Partial<Parameters<Storage['openParts']>[0]> = {},
): Promise<Job> {
  const job = await line.storage.openParts({ ...newJob(line), ...options });
  assert.ok(job);
  return job;
}

interface PutOptions {
  /** Records that came first, and were staged. */
  staged?: object[];
  hash?: number;
}

async function put(
  line: StorageLine,
  jobId: string,
  part: number,
  records: object[],
  { staged = [], hash = 1 }: PutOptions = {},
): Promise<{ job: Job; part: Part } | undefined> {
  // One builder, as for one body: the indexes count on.
  const batches = batchesOf([...staged, ...records], line.kind.type);
  let uploadId: string | null = null;
  if (staged.length > 0) {
    uploadId = await line.upload();
    await line.storage.stage({ jobId: uploadId, batches, now: line.now });
  }
  return line.storage.acceptPart({
    jobId,
    part,
    records: staged.length + records.length,
    contentHash: Buffer.from([hash, hash]),
    uploadId,
    batches: uploadId === null ? batches : [],
    now: line.now,
  });
}

function commit(
  line: StorageLine,
  jobId: string,
  numbers: { parts: number; records: number },
): Promise<Job | undefined> {
  return line.storage.commitParts({ jobId, ...numbers, actor: SHOP, now: line.now });
}

function listed({ storage, siteId }: StorageLine): Promise<Job[]> {
  return storage.listJobs({ siteId, type: null, status: null, cursor: null, limit: 10 });
}

function plain(part: Part | undefined) {
  return part && { ...part, contentHash: [...part.contentHash] };
}
