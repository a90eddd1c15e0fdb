import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import type { RecordKind } from '../support/recordKinds.ts';
import { LEASE_MS, StorageLine } from '../support/storageLine.ts';

/** Who may work on a job. */
export function claimContract(storage: () => Storage, kind: RecordKind): void {
  describe('claims', () => {
    lineContract(storage, kind);
    leaseContract(storage, kind);
    wakingContract(storage, kind);
  });
}

function lineContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  test('the first in line is given out and runs', async () => {
    const line = await StorageLine.of(kind, storage());
    const before = await line.job([record(1, 1)]);
    line.now += 7;
    const job = await line.claim(before.jobId);
    assert.equal(job?.status, 'running');
    assert.equal(job.attempt, 1);
    assert.equal(job.startedAt, line.now);
    assert.equal(job.msPerRecord, null);
    assert.ok(job.version > before.version);
    assert.deepEqual(await line.auditEvents(job.jobId), ['created', 'started']);
  });

  test('jobs of one site and type run one at a time, in the order they were created', async () => {
    const line = await StorageLine.of(kind, storage());
    const [first, second, third] = [
      await line.job([record(1, 1)]),
      await line.job([record(1, 2)]),
      await line.job([record(1, 3)]),
    ];
    assert.equal(await line.claim(second.jobId), undefined);
    const claim = await line.claimed(first.jobId);
    assert.equal(await line.claim(second.jobId), undefined);
    await line.applyNext(claim);
    await line.complete(claim);
    assert.equal(await line.claim(third.jobId), undefined);
    assert.ok(await line.claim(second.jobId));
    assert.equal(await line.claim(third.jobId), undefined);
    await line.cancel(second.jobId);
    assert.ok(await line.claim(third.jobId));
  });

  test('a job that was not given out is as it was', async () => {
    const line = await StorageLine.of(kind, storage());
    await line.job([record(1, 1)]);
    const waiting = await line.job([record(1, 2)]);
    await line.claim(waiting.jobId);
    assert.deepEqual(await line.look(waiting.jobId), waiting);
    assert.deepEqual(await line.auditEvents(waiting.jobId), ['created']);
  });

  test('an older job that is retried waits for the running one, and goes before the waiting ones', async () => {
    const line = await StorageLine.of(kind, storage());
    const old = await line.job([record(1, 1)]);
    await line.cancel(old.jobId);
    const running = await line.job([record(1, 2)]);
    const waiting = await line.job([record(1, 3)]);
    const claim = await line.claimed(running.jobId);
    await line.retry(old.jobId);
    assert.equal(await line.claim(old.jobId), undefined);
    await line.applyNext(claim);
    await line.complete(claim);
    assert.equal(await line.claim(waiting.jobId), undefined);
    assert.ok(await line.claim(old.jobId));
  });

  test('other sites and other types don’t wait', async () => {
    const line = await StorageLine.of(kind, storage());
    const other = await StorageLine.of(kind, storage());
    const job = await line.job([record(1, 1)]);
    const ofOtherType = await line.job([], { type: otherType(kind) });
    const otherSite = await other.job([record(1, 1)]);
    assert.ok(await line.claim(job.jobId));
    assert.ok(await line.claim(ofOtherType.jobId));
    assert.ok(await other.claim(otherSite.jobId));
  });

  test('of many who want a job at once, one gets it', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => line.claim(jobId, `worker-${at}`)),
    );
    assert.equal(answers.filter((job) => job !== undefined).length, 1);
  });

  test('neither an ended nor an unknown job is given out', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.done([record(1, 1)]);
    const cancelled = await line.job([record(1, 1)]);
    await line.cancel(cancelled.jobId);
    line.now += 100 * LEASE_MS;
    assert.equal(await line.claim(jobId), undefined);
    assert.equal(await line.claim(cancelled.jobId), undefined);
    assert.equal(await line.claim('no-such-job'), undefined);
    assert.equal((await line.look(jobId)).status, 'completed');
  });
}

function leaseContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  test('the owner is given the job again, in the same attempt, with a new lease', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const first = await line.claim(jobId, 'owner');
    line.now += LEASE_MS - 1;
    assert.deepEqual(await line.claim(jobId, 'owner'), first);
    line.now += LEASE_MS - 1;
    assert.equal(await line.claim(jobId, 'other'), undefined);
    line.now += 1;
    assert.ok(await line.claim(jobId, 'other'));
  });

  test('the owner that waited for longer than its lease goes on in the same attempt, unless another took the job', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const first = await line.claim(jobId, 'owner');
    line.now += 3 * LEASE_MS;
    assert.deepEqual(await line.claim(jobId, 'owner'), first);
    assert.equal(await line.claim(jobId, 'other'), undefined);
    line.now += LEASE_MS;
    assert.ok(await line.claim(jobId, 'other'));
    assert.equal(await line.claim(jobId, 'owner'), undefined);
  });

  test('a batch renews the lease', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => record(at + 1, 1)));
    const claim = await line.claimed(jobId, 'owner');
    line.now += LEASE_MS - 1;
    assert.ok(await line.applyNext(claim));
    line.now += LEASE_MS - 1;
    assert.equal(await line.claim(jobId, 'other'), undefined);
  });

  test('when a lease has run out, another goes on from the last batch, in a new attempt', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => record(at + 1, 1)));
    const lost = await line.claimed(jobId, 'sleeper');
    const before = await line.applyNext(lost);
    line.now += LEASE_MS;
    const job = await line.claim(jobId, 'other');
    assert.equal(job?.attempt, lost.attempt + 1);
    assert.equal(job.processed, 50);
    assert.equal(job.attemptProcessed, 50);
    assert.ok(job.version > (before?.version ?? Infinity));
    assert.equal((await line.auditEvents(jobId)).at(-1), 'resumed');
    assert.equal((await line.applyNext({ jobId, attempt: job.attempt }))?.processed, 100);
  });

  test('who lost a claim can do nothing more with the job', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 60 }, (_, at) => record(at + 1, 1)));
    const lost = await line.claimed(jobId, 'sleeper');
    line.now += LEASE_MS;
    const claim = await line.claimed(jobId, 'other');
    const held = await line.look(jobId);
    assert.equal(await line.applyNext(lost), undefined);
    assert.equal(await line.complete(lost), undefined);
    assert.equal(await line.postpone(lost), undefined);
    assert.equal(await line.fail(lost), undefined);
    await storage().release(lost);
    assert.equal(await line.claim(jobId, 'sleeper'), undefined);
    assert.deepEqual(await line.look(jobId), held);
    assert.equal((await line.standing()).size, 0);
    assert.equal((await line.applyNext(claim))?.processed, 50);
  });

  test('a released job is free at once, as it was left', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => record(at + 1, 1)));
    const claim = await line.claimed(jobId, 'stopping');
    const left = await line.applyNext(claim);
    await storage().release(claim);
    assert.deepEqual(await line.look(jobId), left);
    const job = await line.claim(jobId, 'next');
    assert.equal(job?.processed, 50);
    assert.equal(job.attempt, 2);
    assert.equal(await line.applyNext(claim), undefined);
  });

  test('a postponed job rests until it is due, and counts its failures', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => record(at + 1, 1)));
    const claim = await line.claimed(jobId, 'owner');
    await line.applyNext(claim);
    const resting = await line.postpone(claim, 60_000);
    assert.equal(resting?.status, 'running');
    assert.equal(resting.failures, 1);
    assert.equal(resting.processed, 50);
    assert.equal((await line.auditEvents(jobId)).at(-1), 'postponed');
    line.now += 59_999;
    assert.equal(await line.claim(jobId, 'owner'), undefined);
    assert.equal(await line.claim(jobId, 'other'), undefined);
    line.now += 1;
    const job = await line.claim(jobId, 'other');
    assert.equal(job?.attempt, 2);
    assert.equal(job.failures, 1);
    const next = await line.applyNext({ jobId, attempt: 2 });
    assert.equal(next?.processed, 100);
    assert.equal(next.failures, 0);
  });

  test('a job that only waits for the storage has no failure more, and is due at once', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const claim = await line.claimed(jobId);
    const rest = { delayMs: 0, reason: 'The disk is full.', counted: false, now: line.now };
    const resting = await storage().postpone({ ...claim, ...rest });
    assert.equal(resting?.failures, 0);
    assert.match(resting.stepMessage, /^Waiting .*: The disk is full\.$/);
    assert.equal(await line.applyNext(await line.claimed(jobId)).then((job) => job?.processed), 1);
  });

  test('a postponed job still holds its line', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    const behind = await line.job([record(1, 2)]);
    await line.postpone(await line.claimed(jobId), 60_000);
    assert.equal(await line.claim(behind.jobId), undefined);
    await line.cancel(jobId);
    assert.ok(await line.claim(behind.jobId));
  });
}

function wakingContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  test('listDue gives the jobs that wait for a worker now, oldest first', async () => {
    const line = await StorageLine.of(kind, storage());
    const other = await StorageLine.of(kind, storage());
    const first = await line.job([record(1, 1)]);
    const behind = await line.job([record(1, 2)]);
    const elsewhere = await other.job([record(1, 1)]);
    assert.deepEqual(await due(line, [first, behind, elsewhere]), [first.jobId, elsewhere.jobId]);
    const claim = await line.claimed(first.jobId);
    assert.deepEqual(await due(line, [first, behind, elsewhere]), [elsewhere.jobId]);
    await storage().release(claim);
    assert.deepEqual(await due(line, [first, behind, elsewhere]), [first.jobId, elsewhere.jobId]);
    await line.cancel(first.jobId);
    assert.deepEqual(await due(line, [first, behind, elsewhere]), [behind.jobId, elsewhere.jobId]);
  });

  test('listDue gives a job whose lease ran out, and a postponed one when it is due', async () => {
    const line = await StorageLine.of(kind, storage());
    const job = await line.job([record(1, 1)]);
    await line.claimed(job.jobId);
    line.now += LEASE_MS - 1;
    assert.deepEqual(await due(line, [job]), []);
    line.now += 1;
    assert.deepEqual(await due(line, [job]), [job.jobId]);
    await line.postpone(await line.claimed(job.jobId), 60_000);
    line.now += 59_999;
    assert.deepEqual(await due(line, [job]), []);
    line.now += 1;
    assert.deepEqual(await due(line, [job]), [job.jobId]);
  });

  test('listDue gives no more than it was asked for', async () => {
    for (let at = 0; at < 3; at += 1) await (await StorageLine.of(kind, storage())).job([record(1, 1)]);
    assert.equal((await storage().listDue({ now: 9e15, limit: 2 })).length, 2);
  });

  test('findNext gives the next in line of one site and type', async () => {
    const line = await StorageLine.of(kind, storage());
    const { siteId, now } = line;
    assert.equal(await storage().findNext({ siteId, type: kind.type, now }), undefined);
    const first = await line.job([record(1, 1)]);
    const behind = await line.job([record(1, 2)]);
    assert.equal(await storage().findNext({ siteId, type: kind.type, now }), first.jobId);
    assert.equal(await storage().findNext({ siteId, type: otherType(kind), now }), undefined);
    await line.claimed(first.jobId);
    assert.equal(await storage().findNext({ siteId, type: kind.type, now }), undefined);
    await line.cancel(first.jobId);
    assert.equal(await storage().findNext({ siteId, type: kind.type, now }), behind.jobId);
  });

  test('whatever listDue and findNext give can be claimed', async () => {
    const line = await StorageLine.of(kind, storage());
    const old = await line.job([record(1, 1)]);
    await line.cancel(old.jobId);
    const next = await line.job([record(1, 2)]);
    await line.postpone(await line.claimed(next.jobId), 1_000);
    await line.retry(old.jobId);
    assert.deepEqual(await due(line, [old, next]), []);
    line.now += 1_000;
    const { siteId, now } = line;
    assert.deepEqual(await due(line, [old, next]), [next.jobId]);
    assert.equal(await storage().findNext({ siteId, type: kind.type, now }), next.jobId);
    assert.ok(await line.claim(next.jobId));
  });
}

function otherType({ type }: RecordKind): string {
  return type === 'users' ? 'points-events' : 'users';
}

/** Those of `jobs` that are due: other tests have jobs too. */
async function due(line: StorageLine, jobs: { jobId: string }[]): Promise<string[]> {
  const all = await line.storage.listDue({ now: line.now, limit: 1_000_000 });
  return all.filter((jobId) => jobs.some((job) => job.jobId === jobId));
}
