import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Batch } from '../../src/domain/batch.ts';
import type { Job, JobMode } from '../../src/domain/job.ts';
import type { Actor, Claim, Storage } from '../../src/storage/storage.ts';
import { batchesOf } from './batches.ts';
import { BALANCES, type RecordKind } from './recordKinds.ts';

export const LEASE_MS = 15_000;
export const TYPE = 'points-balances';
export const SHOP: Actor = { name: 'site shop', ip: '192.0.2.7' };

/** A site of a test's own on the storage port, with a clock that only the test moves. */
export class StorageLine {
  readonly storage: Storage;
  readonly siteId: number;
  now: number;
  readonly kind: RecordKind;

  constructor(storage: Storage, siteId: number, now: number, kind: RecordKind = BALANCES) {
    this.storage = storage;
    this.siteId = siteId;
    this.now = now;
    this.kind = kind;
  }

  /** `now`: when the test begins, in milliseconds. */
  static async open(storage: Storage, now = 1_750_000_000_000): Promise<StorageLine> {
    const { siteId } = await storage.ensureSite({ url: `https://${randomUUID()}.example`, now });
    return new StorageLine(storage, siteId, now);
  }

  /** A line whose jobs carry records of this kind. */
  static async of(kind: RecordKind, storage: Storage): Promise<StorageLine> {
    const { siteId, now } = await StorageLine.open(storage);
    return new StorageLine(storage, siteId, now, kind);
  }

  /** Opens an upload and gives its `jobId`. */
  async upload({
    type = this.kind.type,
    mode = 'merge',
    rejectsOf = null,
  }: {
    type?: string;
    mode?: JobMode;
    rejectsOf?: string | null;
  } = {}): Promise<string> {
    const jobId = randomUUID();
    await this.storage.openUpload({ jobId, siteId: this.siteId, type, mode, rejectsOf, now: this.now });
    return jobId;
  }

  async stage(jobId: string, batches: Batch[]): Promise<void> {
    await this.storage.stage({ jobId, batches, now: this.now });
  }

  async accept(jobId: string, records: Iterable<unknown>): Promise<Job> {
    const batches = batchesOf(records, this.kind.type);
    return portJob(await this.storage.accept({ jobId, batches, actor: SHOP, now: this.now }));
  }

  /** A pending job of these records. */
  async job(records: Iterable<unknown>, { type = this.kind.type }: { type?: string } = {}): Promise<Job> {
    return this.accept(await this.upload({ type }), records);
  }

  async claim(jobId: string, owner = 'worker-1'): Promise<Job | undefined> {
    return portJob(await this.storage.claim({ jobId, owner, leaseMs: LEASE_MS, now: this.now }));
  }

  /** Claims the job, which must work, and gives the claim. */
  async claimed(jobId: string, owner = 'worker-1'): Promise<Claim> {
    const job = await this.claim(jobId, owner);
    assert.ok(job, `job ${jobId} was not given to ${owner}`);
    return { jobId, attempt: job.attempt };
  }

  async applyNext(claim: Claim): Promise<Job | undefined> {
    return portJob(await this.storage.applyNext({ ...claim, leaseMs: LEASE_MS, now: this.now }));
  }

  async complete(claim: Claim): Promise<Job | undefined> {
    return portJob(await this.storage.complete({ ...claim, now: this.now }));
  }

  async fail(claim: Claim): Promise<Job | undefined> {
    return portJob(
      await this.storage.fail({ ...claim, code: 'INTERNAL', message: 'It broke.', now: this.now }),
    );
  }

  async postpone(claim: Claim, delayMs = 1_000): Promise<Job | undefined> {
    return portJob(
      await this.storage.postpone({ ...claim, delayMs, reason: 'The database is away.', now: this.now }),
    );
  }

  async cancel(jobId: string): Promise<Job | undefined> {
    return portJob(await this.storage.cancel({ siteId: this.siteId, jobId, actor: SHOP, now: this.now }));
  }

  async retry(jobId: string): Promise<Job | undefined> {
    return portJob(await this.storage.retry({ siteId: this.siteId, jobId, actor: SHOP, now: this.now }));
  }

  /** The job as it stands, which must be visible. */
  async look(jobId: string): Promise<Job> {
    const job = await this.storage.findJob({ siteId: this.siteId, jobId });
    assert.ok(job, `job ${jobId} is not there`);
    return portJob(job);
  }

  /** Claims a job, applies all its batches, and completes it. */
  async run(jobId: string): Promise<Job> {
    const claim = await this.claimed(jobId);
    while ((await this.applyNext(claim)) !== undefined);
    const job = await this.complete(claim);
    assert.ok(job, `job ${jobId} did not complete`);
    return job;
  }

  /** Starts a job of these records and runs it to its end. */
  async done(records: Iterable<unknown>): Promise<Job> {
    return this.run((await this.job(records)).jobId);
  }

  /** What stands at the site of the kind of records of this line: the value by the key. */
  standing(): Promise<Map<number, number>> {
    return this.kind.standing(this.storage, this.siteId);
  }

  /** All balances of the site: `42 points` → its ten-thousandths. */
  async balances(): Promise<Map<string, bigint>> {
    const { storage, siteId } = this;
    const all = await storage.listBalances({ siteId, pointsType: null, afterUserId: 0, limit: 1_000_000 });
    return new Map(
      all.map(({ wpUserId, pointsType, tenThousandths }) => [`${wpUserId} ${pointsType}`, tenThousandths]),
    );
  }

  async auditEvents(jobId: string): Promise<string[]> {
    return (await this.storage.listAudit({ jobId })).map(({ event }) => event);
  }
}

/** The fields of a job that the port promises: an adapter's rows may have more. */
function portJob<Found extends Job | undefined>(found: Found): Found {
  if (found === undefined) return found;
  const job: Record<keyof Job, unknown> = {
    jobId: found.jobId,
    siteId: found.siteId,
    type: found.type,
    status: found.status,
    processed: found.processed,
    total: found.total,
    inParts: found.inParts,
    expectedTotal: found.expectedTotal,
    inserted: found.inserted,
    updated: found.updated,
    unchanged: found.unchanged,
    rejected: found.rejected,
    mode: found.mode,
    confirmRemoval: found.confirmRemoval,
    removed: found.removed,
    stepMessage: found.stepMessage,
    error: found.error,
    failures: found.failures,
    attempt: found.attempt,
    version: found.version,
    attemptProcessed: found.attemptProcessed,
    msPerRecord: found.msPerRecord,
    createdAt: found.createdAt,
    startedAt: found.startedAt,
    updatedAt: found.updatedAt,
    completedAt: found.completedAt,
  };
  return job as Found;
}

/** What became of the records of a job. */
export function countsOf({ processed, inserted, updated, unchanged, rejected }: Job) {
  return { processed, inserted, updated, unchanged, rejected };
}
