import { type Attempt, type AuditEntry, attemptsOf } from '../domain/auditTrail.ts';
import type { RejectedRecord } from '../domain/batch.ts';
import { ERRORS, type ErrorCode, SyncError } from '../domain/errors.ts';
import { hasEnded, type Job, type JobStatus, settledBetween } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import { delayBeforeRetry } from '../domain/retryPolicy.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import type { Queue } from '../queue/queue.ts';
import type { Actor, Claim, IdempotentRequest, JobStep, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import { type Following, followJob } from './followJob.ts';
import type { JobChanges } from './jobChanges.ts';
import type { JobMetrics } from './jobMetrics.ts';
import type { StorageWatch } from './storageWatch.ts';

/**
 * A worker that is silent for this long may lose its job. Half of the 20 s that a job may stand still: the other half is
 * for its wait in line before, and for the sweep and the next worker after.
 */
const LEASE_MS = 10_000;
const PAGE = 1_000;
/** Balances that a snapshot removes in one transaction: bounds the wait of a cancel. */
const REMOVALS_A_SLICE = 5_000;

export interface SyncJobServiceParts {
  storage: Storage;
  queue: Queue;
  changes: JobChanges;
  clock: Clock;
  log: Log;
  metrics: JobMetrics;
  watch: StorageWatch;
  /** Passing failures in a row after which a job fails. */
  maxAttempts: number;
}

/** The life of a job: every change of a job's state after it was received goes through here. */
export class SyncJobService {
  readonly #storage: Storage;
  readonly #queue: Queue;
  readonly #changes: JobChanges;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #metrics: JobMetrics;
  readonly #watch: StorageWatch;
  readonly #maxAttempts: number;

  constructor(parts: SyncJobServiceParts) {
    this.#storage = parts.storage;
    this.#queue = parts.queue;
    this.#changes = parts.changes;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#metrics = parts.metrics;
    this.#watch = parts.watch;
    this.#maxAttempts = parts.maxAttempts;
  }

  // For the sites

  async find(siteId: number, jobId: string): Promise<Job> {
    const job = await this.#storage.findJob({ siteId, jobId });
    if (job === undefined)
      throw new SyncError('JOB_NOT_FOUND', 'There is no job of this jobId: check it, or start a new job.');
    return job;
  }

  /** Newest first, `limit` jobs a page; `nextCursor` is null on the last page. */
  async list(filter: {
    siteId: number;
    type: string | null;
    status: JobStatus | null;
    cursor: string | null;
    limit: number;
  }): Promise<{ jobs: Job[]; nextCursor: string | null }> {
    await this.#checkCursor(filter);
    const jobs = await this.#storage.listJobs({ ...filter, limit: filter.limit + 1 });
    const page = jobs.slice(0, filter.limit);
    return { jobs: page, nextCursor: jobs.length > page.length ? (page.at(-1)?.jobId ?? null) : null };
  }

  /** Once this has resolved, no further record of the job changes. `cancelled` is false where it had ended before. */
  async cancel({ siteId, jobId, actor }: Change): Promise<{ job: Job; cancelled: boolean }> {
    await this.find(siteId, jobId);
    const job = await this.#storage.cancel({ siteId, jobId, actor, now: this.#clock.now() });
    if (job === undefined) return { job: await this.find(siteId, jobId), cancelled: false };
    await this.#ended(job);
    return { job, cancelled: true };
  }

  /** Makes a failed or cancelled job run again from its first record. */
  async retry({ siteId, jobId, actor }: Change): Promise<Job> {
    const before = await this.find(siteId, jobId);
    const job = await this.#storage.retry({ siteId, jobId, actor, now: this.#clock.now() });
    if (job === undefined) throw await this.#whyNotRetried(before);
    this.#changes.publish(job);
    this.#log.info('job.retried', { jobId });
    this.#metrics.jobRetried(job, 'asked');
    await this.#queue.send(jobId);
    return job;
  }

  /** The rejected records of the job so far, in their order. */
  async *rejects(siteId: number, jobId: string): AsyncGenerator<RejectedRecord> {
    await this.find(siteId, jobId);
    let afterIndex = -1;
    while (true) {
      const page = await this.#storage.listRejects({ jobId, afterIndex, limit: PAGE });
      yield* page;
      if (page.length < PAGE) return;
      afterIndex = page.at(-1)?.index ?? afterIndex;
    }
  }

  /** Who did what, and from that: what each attempt did, and why it ended. */
  async trail(siteId: number, jobId: string): Promise<{ audit: AuditEntry[]; attempts: Attempt[] }> {
    const job = await this.find(siteId, jobId);
    const audit = await this.#storage.listAudit({ jobId });
    return { audit, attempts: attemptsOf(audit, job) };
  }

  /** The versions of the job from now on, until its end: what everybody who watches a job reads. */
  follow(following: Following): AsyncGenerator<Job> {
    const find = () => this.find(following.siteId, following.jobId);
    return followJob({ changes: this.#changes, find }, following);
  }

  /** Resolves when the job has ended; rejects with the reason of `signal`, and the job goes on. */
  async untilEnded(siteId: number, jobId: string, signal: AbortSignal): Promise<Job> {
    for await (const job of this.follow({ siteId, jobId, signal })) if (hasEnded(job.status)) return job;
    throw signal.reason;
  }

  /** The job that an earlier request with the same key made, if that request was the same. */
  async repeated(siteId: number, { idempotencyKey, requestHash }: IdempotentRequest): Promise<string> {
    const first = await this.#storage.findRepeated({ siteId, idempotencyKey });
    if (first !== undefined && Buffer.compare(first.requestHash, requestHash) === 0) return first.jobId;
    throw new SyncError(
      'IDEMPOTENCY_KEY_REUSED',
      'This Idempotency-Key came before with another body: give each new request a new key.',
    );
  }

  // For the workers

  /** Tells the watchers of a change that another service has made. */
  changed(job: Job): void {
    this.#changes.publish(job);
  }

  /** A job was received: whoever is free may look at it. */
  async accepted(job: Job): Promise<void> {
    this.#changes.publish(job);
    const { jobId, siteId, type, total } = job;
    this.#log.info('job.accepted', { jobId, siteId, type, total });
    await this.#queue.send(jobId);
  }

  /** The job, when `owner` may work on it now. */
  async claim(jobId: string, owner: string): Promise<Job | undefined> {
    const job = await this.#storage.claim({ jobId, owner, leaseMs: LEASE_MS, now: this.#clock.now() });
    if (job !== undefined) this.#changes.publish(job);
    return job;
  }

  /** Applies the next batches together with their progress; `undefined` when the claim has passed. */
  async applyNext(before: Job): Promise<Job | undefined> {
    const committed = this.#metrics.batchBegins(before.type);
    const claim = { jobId: before.jobId, attempt: before.attempt };
    const job = await this.#storage.applyNext({ ...claim, leaseMs: LEASE_MS, now: this.#clock.now() });
    if (job === undefined) return undefined;
    committed(settledBetween(before, job));
    this.#changes.publish(job);
    return job;
  }

  /**
   * Removes the next of what a snapshot did not carry. Throws where all of it would be too much and nobody
   * confirmed that; `undefined` when the claim has passed.
   */
  async removeMissing(job: Job): Promise<JobStep | undefined> {
    const claim = { jobId: job.jobId, attempt: job.attempt };
    if (!job.confirmRemoval && job.removed === 0) await this.#refuseLargeRemoval(job, claim);
    const slice = { limit: REMOVALS_A_SLICE, leaseMs: LEASE_MS, now: this.#clock.now() };
    const step = await this.#storage.removeMissing({ ...claim, ...slice });
    if (step?.more) this.#changes.publish(step.job);
    return step;
  }

  /** Fails jobs in parts of which nothing was heard since `untouchedSince`; says whether there may be more. */
  async abandon(untouchedSince: number, limit: number): Promise<boolean> {
    const abandoned = await this.#storage.abandonParts({ untouchedSince, limit, now: this.#clock.now() });
    for (const job of abandoned) await this.#ended(job);
    return abandoned.length === limit;
  }

  async complete(claim: Claim): Promise<Job | undefined> {
    const job = await this.#storage.complete({ ...claim, now: this.#clock.now() });
    if (job !== undefined) await this.#ended(job);
    return job;
  }

  async release(claim: Claim): Promise<void> {
    await this.#storage.release(claim);
  }

  /**
   * What may pass is tried again, with growing pauses; what can't pass, or came too often, fails the job. Throws
   * the reason where the storage as a whole is away, or the server stops: that is no failure of the job, and
   * nothing counts.
   */
  async recordFailure(job: Job, failure: unknown): Promise<void> {
    const claim = { jobId: job.jobId, attempt: job.attempt };
    const now = this.#clock.now();
    const { code, message } = describe(failure);
    if (code === 'SHUTTING_DOWN') throw failure;
    const passing = 'passing' in ERRORS[code];
    const away = passing ? await this.#watch.whyAway() : undefined;
    if (away !== undefined) {
      await this.#sayAway(job, away);
      throw away;
    }
    const failures = job.failures + 1;
    if (passing && failures < this.#maxAttempts) {
      const delayMs = delayBeforeRetry(failures, this.#clock.random());
      this.#log.warn('job.postponed', { jobId: job.jobId, attempt: job.attempt, code, delayMs });
      const postponed = await this.#storage.postpone({ ...claim, delayMs, reason: message, now });
      if (postponed === undefined) return;
      this.#metrics.jobRetried(postponed, 'failure');
      this.#changes.publish(postponed);
      await this.#queue.send(job.jobId, { delayMs });
      return;
    }
    this.#log.error('job.failed', { jobId: job.jobId, attempt: job.attempt, code, cause: causeOf(failure) });
    const failed = await this.#storage.fail({ ...claim, code, message, now });
    if (failed !== undefined) await this.#ended(failed);
  }

  /** A full disk takes a small write most times, a locked one never: what can't be said is seen at readyz. */
  async #sayAway({ jobId, attempt }: Job, away: unknown): Promise<void> {
    const { code, message } = describe(away);
    if (code === 'STORAGE_BUSY') return;
    const rest = { delayMs: 0, reason: message, counted: false, now: this.#clock.now() };
    const said = await this.#storage.postpone({ jobId, attempt, ...rest }).catch(() => undefined);
    if (said !== undefined) this.#changes.publish(said);
  }

  async #checkCursor({ siteId, cursor }: { siteId: number; cursor: string | null }): Promise<void> {
    if (cursor === null || (await this.#storage.findJob({ siteId, jobId: cursor })) !== undefined) return;
    throw new SyncError(
      'INVALID_PARAMETER',
      'cursor is unknown: give the nextCursor of an answer, or leave it out.',
    );
  }

  /** Tells the watchers, and wakes the job that stood behind this one. */
  async #ended(job: Job): Promise<void> {
    this.#changes.publish(job);
    const { jobId, siteId, type, status, processed, total, attempt } = job;
    this.#log.info('job.ended', { jobId, siteId, type, status, processed, total, attempt });
    this.#metrics.jobEnded(job);
    const next = await this.#storage.findNext({ siteId, type, now: this.#clock.now() });
    if (next !== undefined) await this.#queue.send(next);
  }

  async #refuseLargeRemoval({ total, rejected }: Job, claim: Claim): Promise<void> {
    const { missing, standing } = await this.#storage.countMissing(claim);
    if (missing === 0 || (missing * 2 <= standing && total > rejected)) return;
    throw new SyncError('REMOVAL_NOT_CONFIRMED', stepMessage.removalNotConfirmed({ missing, standing }));
  }

  async #whyNotRetried({ siteId, jobId }: Job): Promise<SyncError> {
    const { status } = await this.find(siteId, jobId);
    if (status !== 'failed' && status !== 'cancelled') {
      return new SyncError(
        'JOB_NOT_RETRYABLE',
        `The job is ${status}: only a failed or cancelled job can be tried again.`,
      );
    }
    return new SyncError('RECORDS_DROPPED', 'The records of this job are no longer kept: start a new job.');
  }
}

interface Change {
  siteId: number;
  jobId: string;
  actor: Actor;
}

function describe(failure: unknown): { code: ErrorCode; message: string } {
  if (failure instanceof SyncError) return { code: failure.code, message: failure.message };
  return { code: 'INTERNAL', message: 'The server made a mistake: look at its log, and tell the makers.' };
}

/** Where an unexpected failure came from; an expected one says all in its code. */
function causeOf(failure: unknown): string | undefined {
  if (failure instanceof SyncError) return failure.cause === undefined ? undefined : String(failure.cause);
  return failure instanceof Error ? failure.stack : String(failure);
}
