import { JOB_MOVES, type Job, type JobMove, mayMove } from '../domain/job.ts';
import { type AuditNote, auditValues, type JobRow, jobFromRow } from './jobRow.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import type { Actor, Claim } from './storage.ts';

/** Jobs as rows on SQLite, and their moves. */

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

export function writeAudit(db: SqliteDatabase, job: JobRow, note: AuditNote): void {
  db.run(
    `INSERT INTO job_audit (job_seq, at, event, actor, ip, attempt, detail, inserted, updated, unchanged, rejected)
     VALUES (:jobSeq, :now, :event, :actor, :ip, :attempt, :detail, :inserted, :updated, :unchanged, :rejected)`,
    auditValues(job, note),
  );
}

/**
 * Marks open uploads as jobs that ended long ago and whose records nobody needs: what was kept of them then goes as
 * that of old jobs, in slices.
 */
export const DISCARD_UPLOADS =
  'UPDATE jobs SET records_kept = 0, completed_at = 0 WHERE accepted = 0 AND in_parts = 0 AND records_kept = 1';
