import type { ErrorCode } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import { applyingMessage } from '../jobTypes/jobTypes.ts';
import { type JobRow, WORKER } from './jobRow.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';
import { claimedRow, lockedRow, moveJob } from './postgresJobRow.ts';
import { LOCK_SPACES, lockUntilCommit } from './postgresLocks.ts';
import type { Actor, Claim } from './storage.ts';

/** The life of a job on PostgreSQL: the methods of the port of the same names. */

export function claim(
  db: PostgresDatabase,
  { jobId, owner, leaseMs, now }: { jobId: string; owner: string; leaseMs: number; now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await lockedRow(tx, jobId);
    if (job === undefined || !job.accepted) return undefined;
    const lease = { owner, leaseUntil: now + leaseMs };
    if (job.status === 'pending')
      return (await isFirstInLine(tx, job)) ? start(tx, job, { lease, now }) : undefined;
    if (job.status !== 'running') return undefined;
    if (job.runAfter !== null) return job.runAfter <= now ? resume(tx, job, { lease, now }) : undefined;
    if (job.leaseOwner === owner) return renew(tx, job, lease);
    return (job.leaseUntil ?? 0) <= now ? resume(tx, job, { lease, now }) : undefined;
  });
}

interface Lease {
  owner: string;
  leaseUntil: number;
}

function start(tx: Connection, job: JobRow, { lease, now }: { lease: Lease; now: number }) {
  return moveJob(tx, job, 'started', {
    set: `lease_owner = :owner, lease_until = :leaseUntil, started_at = coalesce(started_at, :now),
      ms_per_record = NULL, attempt_processed = processed, step_message = :message`,
    values: { ...lease, message: applyingMessage(job) },
    actor: WORKER,
    now,
  });
}

/** A new attempt, so that whoever had the job before is refused from here on. */
function resume(tx: Connection, job: JobRow, { lease, now }: { lease: Lease; now: number }) {
  return moveJob(tx, job, 'resumed', {
    set: `lease_owner = :owner, lease_until = :leaseUntil, run_after = NULL, attempt = attempt + 1,
      ms_per_record = NULL, attempt_processed = processed, step_message = :message`,
    values: { ...lease, message: applyingMessage(job) },
    actor: WORKER,
    now,
    detail: `from record ${job.processed} on`,
  });
}

/** Nothing that anyone sees changes here, so the version stays. */
async function renew(tx: Connection, job: JobRow, { leaseUntil }: Lease): Promise<Job> {
  await tx.run('UPDATE artly.jobs SET lease_until = :leaseUntil WHERE job_seq = :jobSeq', {
    leaseUntil,
    jobSeq: job.jobSeq,
  });
  return job;
}

/**
 * One at a time of a site and type, in the order they were created. The lock comes first: two jobs of one line could
 * else be started at once, each before the other is seen to run.
 */
async function isFirstInLine(tx: Connection, job: JobRow): Promise<boolean> {
  await lockUntilCommit(tx, { space: LOCK_SPACES.line, key: job.siteId });
  const before = await tx.get(
    `SELECT 1 FROM artly.jobs
     WHERE site_id = :siteId AND type = :type AND accepted AND job_seq <> :jobSeq
       AND status IN ('pending', 'running') AND (status = 'running' OR job_seq < :jobSeq)
     LIMIT 1`,
    { siteId: job.siteId, type: job.type, jobSeq: job.jobSeq },
  );
  return before === undefined;
}

export function complete(
  db: PostgresDatabase,
  { now, ...claimed }: Claim & { now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await claimedRow(tx, claimed);
    if (job === undefined || job.processed !== job.total) return undefined;
    return end(tx, job, 'completed', { message: stepMessage.completed(job), actor: WORKER, now });
  });
}

export function postpone(
  db: PostgresDatabase,
  {
    delayMs,
    reason,
    counted = true,
    now,
    ...claimed
  }: Claim & { delayMs: number; reason: string; counted?: boolean; now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await claimedRow(tx, claimed);
    if (job === undefined) return undefined;
    return moveJob(tx, job, 'postponed', {
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
  db: PostgresDatabase,
  { code, message, now, ...claimed }: Claim & { code: ErrorCode; message: string; now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await claimedRow(tx, claimed);
    if (job === undefined) return undefined;
    const error = { code, message };
    return end(tx, job, 'failed', { message: stepMessage.failed(error), actor: WORKER, now, error });
  });
}

export async function release(db: PostgresDatabase, { jobId, attempt }: Claim): Promise<void> {
  await db.transaction((tx) =>
    tx.run(
      `UPDATE artly.jobs SET lease_owner = NULL, lease_until = NULL
       WHERE job_id = :jobId AND status = 'running' AND attempt = :attempt`,
      { jobId, attempt },
    ),
  );
}

export function cancel(
  db: PostgresDatabase,
  { siteId, jobId, actor, now }: { siteId: number; jobId: string; actor: Actor; now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await siteRow(tx, siteId, jobId);
    if (job === undefined) return undefined;
    return end(tx, job, 'cancelled', { message: stepMessage.cancelled(job), actor, now });
  });
}

export function retry(
  db: PostgresDatabase,
  { siteId, jobId, actor, now }: { siteId: number; jobId: string; actor: Actor; now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await siteRow(tx, siteId, jobId);
    if (job === undefined || !job.recordsKept) return undefined;
    return moveJob(tx, job, 'retried', {
      set: `attempt = attempt + 1, next_batch = 0, processed = 0, inserted = 0, updated = 0, unchanged = 0,
        rejected = 0, removed = 0, removed_up_to = 0, failures = 0, error_code = NULL, error_message = NULL,
        step_message = :message, started_at = NULL, completed_at = NULL, ms_per_record = NULL,
        attempt_processed = 0`,
      values: { message: stepMessage.waiting() },
      actor,
      now,
    });
  });
}

/** Where the job stands at `now`, for its speed over time. */
async function keepSample(
  tx: Connection,
  { jobSeq, attempt, processed }: JobRow,
  now: number,
): Promise<void> {
  await tx.run(
    `INSERT INTO artly.job_samples (job_seq, attempt, processed, at) VALUES (:jobSeq, :attempt, :processed, :now)
     ON CONFLICT DO NOTHING`,
    { jobSeq, attempt, processed, now },
  );
}

/** An upload that was never committed can't be tried again: its records may go at once. */
async function end(
  tx: Connection,
  job: JobRow,
  move: 'completed' | 'failed' | 'cancelled',
  details: { message: string; actor: Actor; now: number; error?: { code: ErrorCode; message: string } },
): Promise<Job | undefined> {
  if (job.status === 'running') await keepSample(tx, job, details.now);
  return moveJob(tx, job, move, {
    set: `completed_at = :now, lease_owner = NULL, lease_until = NULL, run_after = NULL, step_message = :message,
      error_code = :errorCode, error_message = :errorMessage, records_kept = accepted AND records_kept`,
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

async function siteRow(tx: Connection, siteId: number, jobId: string): Promise<JobRow | undefined> {
  const job = await lockedRow(tx, jobId);
  return job?.siteId === siteId && job.visible ? job : undefined;
}
