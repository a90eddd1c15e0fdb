import type { ErrorCode } from '../domain/errors.ts';
import type { AuditEvent, Job, JobMode, JobStatus } from '../domain/job.ts';
import type { Actor } from './storage.ts';

/** The row of a job, the same on every database: the job itself, and what only storage needs to know of it. */
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
  /** The `jobSeq` of the job whose rejected records these are. */
  rejectsOf: number | null;
  /** Its place in the order: a record never overwrites what a job with a later place has brought. */
  place: number;
}

export const WORKER: Actor = { name: 'worker', ip: null };

/** The columns of `jobFromRow`. Lists of jobs read these: the ranges of a snapshot, which nobody sees, may be long. */
export const JOB_COLUMNS = [
  'job_seq, job_id, site_id, type, status, mode, confirm_removal, accepted, in_parts, expected_total, total',
  'processed, inserted, updated, unchanged, rejected, removed, removed_up_to, batch_count, next_batch',
  'step_message, error_code, error_message, attempt, version, failures, attempt_processed, ms_per_record',
  'lease_owner, lease_until, run_after, records_kept, rejects_of, place, created_at, started_at, updated_at, completed_at',
].join(', ');

/** A column that says yes or no is a boolean on one database and 0 or 1 on the other. */
export function jobFromRow(row: Record<string, unknown>): JobRow {
  const [accepted, inParts] = [Boolean(row.accepted), Boolean(row.in_parts)];
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
    confirmRemoval: Boolean(row.confirm_removal),
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
    accepted,
    visible: accepted || inParts,
    inParts: inParts ? partsStateOf({ accepted, status: row.status as JobStatus }) : null,
    expectedTotal: row.expected_total as number | null,
    batchCount: row.batch_count as number,
    nextBatch: row.next_batch as number,
    leaseOwner: row.lease_owner as string | null,
    leaseUntil: row.lease_until as number | null,
    runAfter: row.run_after as number | null,
    recordsKept: Boolean(row.records_kept),
    removedUpTo: row.removed_up_to as number,
    rejectsOf: row.rejects_of as number | null,
    place: (row.place ?? row.job_seq) as number,
  };
}

function partsStateOf({ accepted, status }: { accepted: boolean; status: JobStatus }): Job['inParts'] {
  if (accepted) return 'committed';
  return status === 'pending' ? 'receiving' : null;
}

/** What is written into the audit trail of a job. */
export interface AuditNote {
  event: AuditEvent;
  actor: Actor;
  now: number;
  detail: string | null;
}

/** An entry of the trail, with what the job has settled, as the parameters of its INSERT. */
export function auditValues(
  { jobSeq, attempt, inserted, updated, unchanged, rejected }: JobRow,
  { event, actor, now, detail }: AuditNote,
) {
  const counts = { inserted, updated, unchanged, rejected };
  return { jobSeq, now, event, actor: actor.name, ip: actor.ip, attempt, detail, ...counts };
}
