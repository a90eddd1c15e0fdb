import { DEFAULT_POINTS_TYPE } from '../domain/pointsBalance.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { claimedRow, type JobRow, jobRow } from './sqliteJobRow.ts';
import type { Claim, JobStep } from './storage.ts';

/** The end of a snapshot on SQLite: the methods of the port of the same names. */

/**
 * What a snapshot did not carry is what only an older job brought, since each record that it carries leaves its
 * mark. Only types of points that it carries are looked at, or the default one where it carries nothing.
 */
const MISSING = `
  WHERE p.site_id = :siteId AND p.job_seq < :jobSeq
    AND p.points_type IN (
      SELECT t.value FROM job_batches AS b, json_each(b.points_types) AS t WHERE b.job_seq = :jobSeq
      UNION ALL
      SELECT '${DEFAULT_POINTS_TYPE}' WHERE NOT EXISTS
        (SELECT 1 FROM job_batches WHERE job_seq = :jobSeq AND row_count + removal_count > 0))
    AND p.wp_user_id NOT IN (
      SELECT x.value FROM job_batches AS b, json_each(b.rejected_user_ids) AS x WHERE b.job_seq = :jobSeq)`;

const IN_SLICE = 'AND p.wp_user_id > :removedUpTo AND p.wp_user_id <= :lastUserId';

export function countMissing(db: SqliteDatabase, { jobId }: Claim): { missing: number; standing: number } {
  const { siteId, jobSeq } = jobRow(db, jobId) as JobRow;
  const missing = db.get(`SELECT count(*) AS count FROM points_balances AS p ${MISSING}`, { siteId, jobSeq });
  const standing = db.get('SELECT count(*) AS count FROM points_balances WHERE site_id = :siteId', {
    siteId,
  });
  return { missing: missing?.count as number, standing: standing?.count as number };
}

export function removeMissing(
  db: SqliteDatabase,
  { limit, leaseMs, now, ...claim }: Claim & { limit: number; leaseMs: number; now: number },
): JobStep | undefined {
  return db.race(() => {
    const job = claimedRow(db, claim);
    if (job === undefined || job.processed !== job.total) return undefined;
    const lastUserId = lastOfSlice(db, job, limit);
    if (lastUserId === null) return { job, more: false };
    const removed = removeSlice(db, job, lastUserId);
    db.run(
      `UPDATE jobs SET removed = removed + :removed, removed_up_to = :lastUserId, version = version + 1, failures = 0,
         lease_until = :leaseUntil, step_message = :message, updated_at = :now
       WHERE job_seq = :jobSeq`,
      {
        jobSeq: job.jobSeq,
        removed,
        lastUserId,
        leaseUntil: now + leaseMs,
        message: stepMessage.removing({ removed: job.removed + removed }),
        now,
      },
    );
    return { job: jobRow(db, job.jobId) as JobRow, more: true };
  });
}

/** The member at whom the slice ends, or null when nothing is left. Whole members, whatever types they have. */
function lastOfSlice(
  db: SqliteDatabase,
  { siteId, jobSeq, removedUpTo }: JobRow,
  limit: number,
): number | null {
  const row = db.get(
    `SELECT max(wp_user_id) AS last FROM
       (SELECT p.wp_user_id FROM points_balances AS p ${MISSING} AND p.wp_user_id > :removedUpTo
        ORDER BY p.wp_user_id LIMIT :limit)`,
    { siteId, jobSeq, removedUpTo, limit },
  );
  return row?.last as number | null;
}

function removeSlice(
  db: SqliteDatabase,
  { siteId, jobSeq, removedUpTo }: JobRow,
  lastUserId: number,
): number {
  const slice = { siteId, jobSeq, removedUpTo, lastUserId };
  db.run(
    `INSERT INTO removed_balances (site_id, wp_user_id, points_type, job_seq)
     SELECT p.site_id, p.wp_user_id, p.points_type, :jobSeq FROM points_balances AS p ${MISSING} ${IN_SLICE}
     ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = max(job_seq, excluded.job_seq)`,
    slice,
  );
  return db.run(`DELETE FROM points_balances AS p ${MISSING} ${IN_SLICE}`, slice);
}
