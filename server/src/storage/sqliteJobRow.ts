import type { ErrorCode } from '../domain/errors.ts';
import {
  type AuditEvent,
  JOB_MOVES,
  type Job,
  type JobMode,
  type JobMove,
  type JobStatus,
  mayMove,
} from '../domain/job.ts';
import type { Row, SqliteDatabase } from './sqliteDatabase.ts';
import type { Actor, Claim } from './storage.ts';

/** The row of a job: the job itself, and what only storage needs to know of it. */
export interface JobRow extends Job {
  jobSeq: number;
  accepted: boolean;
  /** Whether the site sees the job: it is accepted, or comes in parts. */
  visible: boolean;
  batchCount: number;
  nextBatch: number;
  leaseOwner: string | null;
  leaseUntil: number | null;
  runAfter: number | null;
  recordsKept: boolean;
  removedUpTo: number;
}

export const WORKER: Actor = { name: 'worker', ip: null };

export function jobRow(db: SqliteDatabase, jobId: string): JobRow | undefined {
  const row = db.get('SELECT * FROM jobs WHERE job_id = :jobId', { jobId });
  return row === undefined ? undefined : jobFromRow(row);
}

/** The job as long as the claim holds: running, and in the attempt that was given out. */
export function claimedRow(db: SqliteDatabase, { jobId, attempt }: Claim): JobRow | undefined {
  const job = jobRow(db, jobId);
  return job?.status === 'running' && job.attempt === attempt ? job : undefined;
}

/**
 * Makes one move of the job and writes it into the audit trail, inside the caller's transaction. `set` is the
 * rest of the SET clause, `values` its parameters. Gives the job as it is now, or undefined where the move
 * isn't allowed from the state it is in.
 */
export function moveJob(
  db: SqliteDatabase,
  job: JobRow,
  move: JobMove,
  { set, values, actor, now, detail = null }: MoveDetails,
): Job | undefined {
  if (!mayMove(move, job.status)) return undefined;
  db.run(
    `UPDATE jobs SET status = :status, version = version + 1, updated_at = :now, ${set} WHERE job_seq = :jobSeq`,
    { ...values, status: JOB_MOVES[move].to, jobSeq: job.jobSeq, now },
  );
  const moved = jobRow(db, job.jobId) as JobRow;
  writeAudit(db, moved, { event: move, actor, now, detail });
  return moved;
}

interface MoveDetails {
  set: string;
  values: Record<string, string | number | null>;
  actor: Actor;
  now: number;
  detail?: string | null;
}

export function writeAudit(
  db: SqliteDatabase,
  job: JobRow,
  { event, actor, now, detail }: { event: AuditEvent; actor: Actor; now: number; detail: string | null },
): void {
  db.run(
    `INSERT INTO job_audit (job_seq, at, event, actor, ip, attempt, detail)
     VALUES (:jobSeq, :now, :event, :actor, :ip, :attempt, :detail)`,
    { jobSeq: job.jobSeq, now, event, actor: actor.name, ip: actor.ip, attempt: job.attempt, detail },
  );
}

/**
 * Marks open uploads as jobs that ended long ago and whose records nobody needs: what was kept of them then goes as
 * that of old jobs, in slices.
 */
export const DISCARD_UPLOADS =
  'UPDATE jobs SET records_kept = 0, completed_at = 0 WHERE accepted = 0 AND in_parts = 0 AND records_kept = 1';

function partsStateOf(row: Row): Job['inParts'] {
  if (row.in_parts === 0) return null;
  if (row.accepted === 1) return 'committed';
  return row.status === 'pending' ? 'receiving' : null;
}

export function jobFromRow(row: Row): JobRow {
  return {
    jobId: row.job_id as string,
    siteId: row.site_id as number,
    type: row.type as string,
    status: row.status as JobStatus,
    processed: row.processed as number,
    total: row.total as number,
    inserted: row.inserted as number,
    updated: row.updated as number,
    unchanged: row.unchanged as number,
    rejected: row.rejected as number,
    mode: row.mode as JobMode,
    confirmRemoval: row.confirm_removal === 1,
    removed: row.removed as number,
    stepMessage: row.step_message as string,
    error:
      row.error_code === null
        ? null
        : { code: row.error_code as ErrorCode, message: row.error_message as string },
    failures: row.failures as number,
    attempt: row.attempt as number,
    version: row.version as number,
    attemptProcessed: row.attempt_processed as number,
    msPerRecord: row.ms_per_record as number | null,
    createdAt: row.created_at as number,
    startedAt: row.started_at as number | null,
    updatedAt: row.updated_at as number,
    completedAt: row.completed_at as number | null,
    jobSeq: row.job_seq as number,
    accepted: row.accepted === 1,
    visible: row.accepted === 1 || row.in_parts === 1,
    inParts: partsStateOf(row),
    expectedTotal: row.expected_total as number | null,
    batchCount: row.batch_count as number,
    nextBatch: row.next_batch as number,
    leaseOwner: row.lease_owner as string | null,
    leaseUntil: row.lease_until as number | null,
    runAfter: row.run_after as number | null,
    recordsKept: row.records_kept === 1,
    removedUpTo: row.removed_up_to as number,
  };
}
