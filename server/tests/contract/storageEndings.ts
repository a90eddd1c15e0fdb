import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job } from '../../src/domain/job.ts';
import type { Claim, Storage } from '../../src/storage/storage.ts';
import { assertAllowedWalk } from '../support/jobWatch.ts';
import type { RecordKind } from '../support/recordKinds.ts';
import { SHOP, StorageLine } from '../support/storageLine.ts';

/** How jobs end, and begin again. */
export function endingContract(storage: () => Storage, kind: RecordKind): void {
  describe('endings', () => {
    endContract(storage, kind);
    lostRaceContract(storage, kind);
    auditContract(storage, kind);
  });
}

function endContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  test('a job whose batches are all applied completes, and its times stand', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const claim = await line.claimed(jobId);
    const applied = await line.applyNext(claim);
    line.now += 30;
    const job = await line.complete(claim);
    assert.equal(job?.status, 'completed');
    assert.equal(job.completedAt, line.now);
    assert.ok(job.version > (applied?.version ?? Infinity));
    assert.deepEqual(await line.look(jobId), job);
  });

  test('a job with batches to come doesn’t complete', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 60 }, (_, at) => record(at + 1, 1)));
    const claim = await line.claimed(jobId);
    const before = await line.applyNext(claim);
    assert.equal(await line.complete(claim), undefined);
    assert.deepEqual(await line.look(jobId), before);
  });

  test('a failed job says why, and keeps what it did', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 60 }, (_, at) => record(at + 1, 1)));
    const claim = await line.claimed(jobId);
    await line.applyNext(claim);
    const job = await line.fail(claim);
    assert.equal(job?.status, 'failed');
    assert.deepEqual(job.error, { code: 'INTERNAL', message: 'It broke.' });
    assert.equal(job.processed, 50);
    assert.equal(job.completedAt, line.now);
    assert.equal((await line.standing()).size, 50);
  });

  test('pending and running jobs can be cancelled, also while they rest', async () => {
    const line = await StorageLine.of(kind, storage());
    const waiting = await line.job([record(1, 1)]);
    assert.equal((await line.cancel(waiting.jobId))?.status, 'cancelled');
    const running = await line.job([record(1, 1)]);
    await line.claimed(running.jobId);
    assert.equal((await line.cancel(running.jobId))?.status, 'cancelled');
    const resting = await line.job([record(1, 1)]);
    await line.postpone(await line.claimed(resting.jobId));
    assert.equal((await line.cancel(resting.jobId))?.status, 'cancelled');
    assert.equal((await line.standing()).size, 0);
  });

  test('a retry begins a new attempt from the first record, without the error', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 60 }, (_, at) => record(at + 1, 1)));
    const claim = await line.claimed(jobId);
    await line.applyNext(claim);
    const failed = await line.fail(claim);
    line.now += 50;
    const job = await line.retry(jobId);
    assert.ok(job && failed);
    assert.equal(job.status, 'pending');
    assert.equal(job.attempt, 2);
    assert.equal(job.error, null);
    assert.equal(job.processed + job.inserted + job.failures, 0);
    assert.equal(job.completedAt, null);
    assert.equal(job.createdAt, failed.createdAt);
    assert.ok(job.version > failed.version);
    assert.equal(await line.applyNext(claim), undefined, 'the claim of before has passed');
    const again = await line.run(jobId);
    assert.equal(again.attempt, 2);
    assert.deepEqual([again.inserted, again.unchanged], [10, 50]);
  });

  test('a claim of the attempt before a retry stays refused while the new attempt runs', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const old = await line.claimed(jobId);
    await line.cancel(jobId);
    await line.retry(jobId);
    const running = await line.claim(jobId);
    assert.equal(await line.applyNext(old), undefined);
    assert.equal(await line.complete(old), undefined);
    assert.equal(await line.fail(old), undefined);
    assert.deepEqual(await line.look(jobId), running);
  });
}

function lostRaceContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  const endings: Record<string, (line: StorageLine, claim: Claim) => Promise<Job | undefined>> = {
    completed: async (line, claim) => {
      await line.applyNext(claim);
      return line.complete(claim);
    },
    failed: (line, claim) => line.fail(claim),
    cancelled: (line, claim) => line.cancel(claim.jobId),
  };
  for (const [status, end] of Object.entries(endings)) {
    test(`nothing moves a ${status} job but a retry`, async () => {
      const line = await StorageLine.of(kind, storage());
      const { jobId } = await line.job([record(1, 1)]);
      const claim = await line.claimed(jobId);
      const ended = await end(line, claim);
      assert.equal(ended?.status, status);
      const audit = await storage().listAudit({ jobId });
      line.now += 1_000_000;
      assert.equal(await line.applyNext(claim), undefined);
      assert.equal(await line.complete(claim), undefined);
      assert.equal(await line.fail(claim), undefined);
      assert.equal(await line.postpone(claim), undefined);
      assert.equal(await line.cancel(jobId), undefined);
      assert.equal(await line.claim(jobId), undefined);
      await storage().release(claim);
      assert.deepEqual(await line.look(jobId), ended);
      assert.deepEqual(await storage().listAudit({ jobId }), audit);
      const retried = await line.retry(jobId);
      assert.equal(retried?.status, status === 'completed' ? undefined : 'pending');
    });
  }

  test('a job that waits or runs can’t be retried', async () => {
    const line = await StorageLine.of(kind, storage());
    const waiting = await line.job([record(1, 1)]);
    assert.equal(await line.retry(waiting.jobId), undefined);
    const running = await line.claim(waiting.jobId);
    assert.equal(await line.retry(waiting.jobId), undefined);
    assert.deepEqual(await line.look(waiting.jobId), running);
  });

  test('what another site or nobody has can be neither seen nor moved', async () => {
    const line = await StorageLine.of(kind, storage());
    const other = await StorageLine.of(kind, storage());
    const job = await line.job([record(1, 1)]);
    const { jobId } = job;
    assert.equal(await other.cancel(jobId), undefined);
    assert.equal(await storage().findJob({ siteId: other.siteId, jobId }), undefined);
    assert.deepEqual(await line.look(jobId), job);
    const cancelled = await line.cancel(jobId);
    assert.equal(await other.retry(jobId), undefined);
    assert.deepEqual(await line.look(jobId), cancelled);
    assert.equal(await line.cancel('no-such-job'), undefined);
    assert.equal(await line.retry('no-such-job'), undefined);
  });

  test('of a completion and a cancel at once, one wins', async () => {
    const line = await StorageLine.of(kind, storage());
    for (let round = 0; round < 10; round += 1) {
      const { jobId } = await line.job([record(1, round)]);
      const claim = await line.claimed(jobId);
      await line.applyNext(claim);
      const moves = [() => line.complete(claim), () => line.cancel(jobId)];
      if (round % 2 === 1) moves.reverse();
      const won = (await Promise.all(moves.map((move) => move()))).filter((job) => job !== undefined);
      assert.equal(won.length, 1);
      assert.deepEqual(await line.look(jobId), won[0]);
    }
  });
}

function auditContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;
  test('an entry of the audit trail tells what had been settled by then', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 60 }, (_, at) => record(at + 1, 1)));
    await line.applyNext(await line.claimed(jobId));
    await line.cancel(jobId);
    await line.retry(jobId);
    await line.run(jobId);
    const audit = await storage().listAudit({ jobId });
    assert.deepEqual(
      audit.map(({ event, inserted, unchanged }) => [event, inserted, unchanged]),
      [
        ['created', 0, 0],
        ['started', 0, 0],
        ['cancelled', 50, 0],
        ['retried', 0, 0],
        ['started', 0, 0],
        ['completed', 10, 50],
      ],
    );
  });

  test('every move stands in the audit trail, in order, with who, when and in which attempt', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const tick = () => {
      line.now += 100;
    };
    tick();
    await line.postpone(await line.claimed(jobId), 50);
    tick();
    await line.fail(await line.claimed(jobId));
    tick();
    await line.retry(jobId);
    tick();
    await line.cancel(jobId);
    tick();
    await line.retry(jobId);
    await line.run(jobId);
    const audit = await storage().listAudit({ jobId });
    assert.deepEqual(
      audit.map(({ event, attempt, actor, ip }) => [event, attempt, actor === SHOP.name, ip]),
      [
        ['created', 1, true, SHOP.ip],
        ['started', 1, false, null],
        ['postponed', 1, false, null],
        ['resumed', 2, false, null],
        ['failed', 2, false, null],
        ['retried', 3, true, SHOP.ip],
        ['cancelled', 3, true, SHOP.ip],
        ['retried', 4, true, SHOP.ip],
        ['started', 4, false, null],
        ['completed', 4, false, null],
      ],
    );
    const start = line.now - 500;
    assert.deepEqual(
      audit.map(({ at }) => at - start),
      [0, 100, 100, 200, 200, 300, 400, 500, 500, 500],
    );
    assertAllowedWalk(
      audit.map(({ event }) => event),
      'completed',
    );
  });
}
