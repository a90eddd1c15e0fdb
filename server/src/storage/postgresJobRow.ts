import { JOB_MOVES, type JobMove, mayMove } from '../domain/job.ts';
import { type AuditNote, auditValues, type JobRow, jobFromRow } from './jobRow.ts';
import type { Connection, Values } from './postgresDatabase.ts';
import type { Actor, Claim } from './storage.ts';

/** Jobs as rows on PostgreSQL, and their moves. */

/** The job as it stands, for who only looks. */
export async function jobRow(db: Pick<Connection, 'get'>, jobId: string): Promise<JobRow | undefined> {
  const row = await db.get('SELECT * FROM artly.jobs WHERE job_id = :jobId', { jobId });
  return row === undefined ? undefined : jobFromRow(row);
}

/**
 * The job, held until the transaction ends: so whatever changes a job comes before or after, never in the middle.
 * A key that refers to the row may still be checked meanwhile.
 */
export async function lockedRow(tx: Connection, jobId: string): Promise<JobRow | undefined> {
  const row = await tx.get('SELECT * FROM artly.jobs WHERE job_id = :jobId FOR NO KEY UPDATE', { jobId });
  return row === undefined ? undefined : jobFromRow(row);
}

/** The job as long as the claim holds, and held: running, and in the attempt that was given out. */
export async function claimedRow(tx: Connection, { jobId, attempt }: Claim): Promise<JobRow | undefined> {
  const job = await lockedRow(tx, jobId);
  return job?.status === 'running' && job.attempt === attempt ? job : undefined;
}

/**
 * Makes one move of the job, which the caller holds, and writes it into the audit trail. `set` is the rest of the SET
 * clause, `values` its parameters. Gives the job as it is now, or undefined where the move isn't allowed from the
 * state it is in.
 */
export async function moveJob(
  tx: Connection,
  job: JobRow,
  move: JobMove,
  { set, values, actor, now, detail = null }: MoveDetails,
): Promise<JobRow | undefined> {
  if (!mayMove(move, job.status)) return undefined;
  const moved = await updateJob(tx, `status = :status, version = version + 1, updated_at = :now, ${set}`, {
    ...values,
    status: JOB_MOVES[move].to,
    jobSeq: job.jobSeq,
    now,
  });
  await writeAudit(tx, moved, { event: move, actor, now, detail });
  return moved;
}

interface MoveDetails {
  set: string;
  values: Values;
  actor: Actor;
  now: number;
  detail?: string | null;
}

/** Changes a job that the caller holds, and gives it as it is now. */
export async function updateJob(
  tx: Connection,
  set: string,
  values: Values & { jobSeq: number },
): Promise<JobRow> {
  const row = await tx.get(`UPDATE artly.jobs SET ${set} WHERE job_seq = :jobSeq RETURNING *`, values);
  return jobFromRow(row as Record<string, unknown>);
}

export async function writeAudit(tx: Connection, job: JobRow, note: AuditNote): Promise<void> {
  await tx.run(
    `INSERT INTO artly.job_audit (job_seq, at, event, actor, ip, attempt, detail, inserted, updated, unchanged, rejected)
     VALUES (:jobSeq, :now, :event, :actor, :ip, :attempt, :detail, :inserted, :updated, :unchanged, :rejected)`,
    auditValues(job, note),
  );
}
