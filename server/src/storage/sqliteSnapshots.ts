import { ALL_IDS } from '../domain/idRange.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import type { JobRow } from './jobRow.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { claimedRow, jobRow } from './sqliteJobRow.ts';
import { COUNT_MISSING, LAST_OF_SLICE, REMEMBER_SLICE, REMOVE_SLICE } from './sqliteMissing.ts';
import type { Claim, JobStep } from './storage.ts';

/** The end of a snapshot on SQLite: the methods of the port of the same names. */

export function countMissing(db: SqliteDatabase, { jobId }: Claim): { missing: number; standing: number } {
  const { siteId, jobSeq } = jobRow(db, jobId) as JobRow;
  const [from, to] = ALL_IDS;
  const missing = db.get(COUNT_MISSING, { siteId, jobSeq, from, to });
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
  const slice = { siteId, jobSeq, from: removedUpTo + 1, to: ALL_IDS[1], limit };
  return db.get(LAST_OF_SLICE, slice)?.last as number | null;
}

function removeSlice(db: SqliteDatabase, { siteId, jobSeq, removedUpTo }: JobRow, to: number): number {
  const slice = { siteId, jobSeq, from: removedUpTo + 1, to };
  db.run(REMEMBER_SLICE, slice);
  return db.run(REMOVE_SLICE, slice);
}
