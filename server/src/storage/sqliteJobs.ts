import { moveSizeFor } from '../domain/batchSize.ts';
import type { ErrorCode } from '../domain/errors.ts';
import { isWorthASample, type Job, msPerRecordAfter } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import { applyingMessage } from '../jobTypes/jobTypes.ts';
import { type JobRow, WORKER } from './jobRow.ts';
import { applyBatch, isOlderThanRemovals, mayBeOvertaken, nextBatches } from './sqliteApply.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { claimedRow, jobRow, moveJob } from './sqliteJobRow.ts';
import type { Settled } from './stagedBatch.ts';
import type { Actor, Claim } from './storage.ts';

/** The life of a job on SQLite: the methods of the port of the same names. */

export function claim(
  db: SqliteDatabase,
  { jobId, owner, leaseMs, now }: { jobId: string; owner: string; leaseMs: number; now: number },
): Job | undefined {
  return db.race(() => {
    const job = jobRow(db, jobId);
    if (job === undefined || !job.accepted) return undefined;
    const lease = { owner, leaseUntil: now + leaseMs };
    if (job.status === 'pending') return isFirstInLine(db, job) ? start(db, job, { lease, now }) : undefined;
    if (job.status !== 'running') return undefined;
    if (job.runAfter !== null) return job.runAfter <= now ? resume(db, job, { lease, now }) : undefined;
    if (job.leaseOwner === owner) return renew(db, job, lease);
    return (job.leaseUntil ?? 0) <= now ? resume(db, job, { lease, now }) : undefined;
  });
}

interface Lease {
  owner: string;
  leaseUntil: number;
}

function start(
  db: SqliteDatabase,
  job: JobRow,
  { lease, now }: { lease: Lease; now: number },
): Job | undefined {
  return moveJob(db, job, 'started', {
    set: `lease_owner = :owner, lease_until = :leaseUntil, started_at = coalesce(started_at, :now),
      ms_per_record = NULL, attempt_processed = processed, step_message = :message`,
    values: { ...lease, message: applyingMessage(job) },
    actor: WORKER,
    now,
  });
}

/** A new attempt, so that whoever had the job before is refused from here on. */
function resume(
  db: SqliteDatabase,
  job: JobRow,
  { lease, now }: { lease: Lease; now: number },
): Job | undefined {
  return moveJob(db, job, 'resumed', {
    set: `lease_owner = :owner, lease_until = :leaseUntil, run_after = NULL, attempt = attempt + 1,
      ms_per_record = NULL, attempt_processed = processed, step_message = :message`,
    values: { ...lease, message: applyingMessage(job) },
    actor: WORKER,
    now,
    detail: `from record ${job.processed} on`,
  });
}

/** Nothing that anyone sees changes here, so the version stays. */
function renew(db: SqliteDatabase, job: JobRow, { leaseUntil }: Lease): Job {
  db.run('UPDATE jobs SET lease_until = :leaseUntil WHERE job_seq = :jobSeq', {
    leaseUntil,
    jobSeq: job.jobSeq,
  });
  return job;
}

/** One at a time of a site and type, in the order they were created. */
function isFirstInLine(db: SqliteDatabase, job: JobRow): boolean {
  const before = db.get(
    `SELECT 1 FROM jobs
     WHERE site_id = :siteId AND type = :type AND accepted = 1 AND job_seq <> :jobSeq
       AND (status = 'running' OR (status = 'pending' AND job_seq < :jobSeq))
     LIMIT 1`,
    { siteId: job.siteId, type: job.type, jobSeq: job.jobSeq },
  );
  return before === undefined;
}

export function applyNext(
  db: SqliteDatabase,
  { leaseMs, now, ...claimed }: Claim & { leaseMs: number; now: number },
): Job | undefined {
  return db.race(() => {
    const job = claimedRow(db, claimed);
    if (job === undefined || job.processed >= job.total) return undefined;
    const settled: Settled = { records: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
    const batches = nextBatches(db, job, moveSizeFor(job.total));
    const order = {
      mark: job.mode === 'snapshot' || mayBeOvertaken(db, job),
      olderThanRemovals: isOlderThanRemovals(db, job),
    };
    for (const batch of batches) applyBatch(db, { job, batch, order, settled });
    if (isWorthASample(job, settled.records)) keepSample(db, job, now);
    const processed = job.processed + settled.records;
    const changed = db.run(
      `UPDATE jobs SET next_batch = :behind, processed = :processed, inserted = inserted + :inserted,
         updated = updated + :updated, unchanged = unchanged + :unchanged, rejected = rejected + :rejected,
         version = version + 1, failures = 0, lease_until = :leaseUntil, step_message = :message, updated_at = :now,
         ms_per_record = :msPerRecord
       WHERE job_id = :jobId AND status = 'running' AND attempt = :attempt AND next_batch = :nextBatch`,
      {
        jobId: job.jobId,
        attempt: claimed.attempt,
        nextBatch: job.nextBatch,
        behind: (batches.at(-1)?.n ?? 0) + 1,
        processed,
        inserted: settled.inserted,
        updated: settled.updated,
        unchanged: settled.unchanged,
        rejected: settled.rejected,
        leaseUntil: now + leaseMs,
        message: applyingMessage({ ...job, processed }),
        msPerRecord: msPerRecordAfter(job, { records: settled.records, now }),
        now,
      },
    );
    return changed === 1 ? jobRow(db, job.jobId) : undefined;
  });
}

export function complete(db: SqliteDatabase, { now, ...claimed }: Claim & { now: number }): Job | undefined {
  return db.race(() => {
    const job = claimedRow(db, claimed);
    if (job === undefined || job.processed !== job.total) return undefined;
    return end(db, job, 'completed', { message: stepMessage.completed(job), actor: WORKER, now });
  });
}

export function postpone(
  db: SqliteDatabase,
  {
    delayMs,
    reason,
    counted = true,
    now,
    ...claimed
  }: Claim & { delayMs: number; reason: string; counted?: boolean; now: number },
): Job | undefined {
  return db.race(() => {
    const job = claimedRow(db, claimed);
    if (job === undefined) return undefined;
    return moveJob(db, job, 'postponed', {
      set: 'failures = failures + :counted, run_after = :runAfter, step_message = :message',
      values: {
        counted: counted ? 1 : 0,
        runAfter: now + delayMs,
        message: counted ? stepMessage.postponed({ delayMs, reason }) : stepMessage.storageAway({ reason }),
      },
      actor: WORKER,
      now,
      detail: reason,
    });
  });
}

export function fail(
  db: SqliteDatabase,
  { code, message, now, ...claimed }: Claim & { code: ErrorCode; message: string; now: number },
): Job | undefined {
  return db.race(() => {
    const job = claimedRow(db, claimed);
    if (job === undefined) return undefined;
    const error = { code, message };
    return end(db, job, 'failed', { message: stepMessage.failed(error), actor: WORKER, now, error });
  });
}

export function release(db: SqliteDatabase, claimed: Claim): void {
  db.run(
    `UPDATE jobs SET lease_owner = NULL, lease_until = NULL
     WHERE job_id = :jobId AND status = 'running' AND attempt = :attempt`,
    { ...claimed },
  );
}

export function cancel(
  db: SqliteDatabase,
  { siteId, jobId, actor, now }: { siteId: number; jobId: string; actor: Actor; now: number },
): Job | undefined {
  return db.race(() => {
    const job = siteRow(db, siteId, jobId);
    if (job === undefined) return undefined;
    return end(db, job, 'cancelled', { message: stepMessage.cancelled(job), actor, now });
  });
}

export function retry(
  db: SqliteDatabase,
  { siteId, jobId, actor, now }: { siteId: number; jobId: string; actor: Actor; now: number },
): Job | undefined {
  return db.race(() => {
    const job = siteRow(db, siteId, jobId);
    if (job === undefined || !job.recordsKept) return undefined;
    return moveJob(db, job, 'retried', {
      set: `attempt = attempt + 1, next_batch = 0, processed = 0, inserted = 0, updated = 0, unchanged = 0,
        rejected = 0, removed = 0, removed_up_to = 0, failures = 0, error_code = NULL, error_message = NULL, step_message = :message,
        started_at = NULL, completed_at = NULL, ms_per_record = NULL, attempt_processed = 0`,
      values: { message: stepMessage.waiting() },
      actor,
      now,
    });
  });
}

/** Where the job stands at `now`, for its speed over time. */
function keepSample(db: SqliteDatabase, { jobSeq, attempt, processed }: JobRow, now: number): void {
  db.run(
    `INSERT INTO job_samples (job_seq, attempt, processed, at) VALUES (:jobSeq, :attempt, :processed, :now)
     ON CONFLICT DO NOTHING`,
    { jobSeq, attempt, processed, now },
  );
}

/** An upload that was never committed can't be tried again: its records may go at once. */
function end(
  db: SqliteDatabase,
  job: JobRow,
  move: 'completed' | 'failed' | 'cancelled',
  details: { message: string; actor: Actor; now: number; error?: { code: ErrorCode; message: string } },
): Job | undefined {
  if (job.status === 'running') keepSample(db, job, details.now);
  return moveJob(db, job, move, {
    set: `completed_at = :now, lease_owner = NULL, lease_until = NULL, run_after = NULL, step_message = :message,
      error_code = :errorCode, error_message = :errorMessage, records_kept = iif(accepted = 1, records_kept, 0)`,
    values: {
      message: details.message,
      errorCode: details.error?.code ?? null,
      errorMessage: details.error?.message ?? null,
    },
    actor: details.actor,
    now: details.now,
    detail: details.message,
  });
}

function siteRow(db: SqliteDatabase, siteId: number, jobId: string): JobRow | undefined {
  const job = jobRow(db, jobId);
  return job?.siteId === siteId && job.visible ? job : undefined;
}
