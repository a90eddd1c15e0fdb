import { ALL_IDS } from '../domain/idRange.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import type { JobRow } from './jobRow.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';
import { claimedRow, jobRow, updateJob } from './postgresJobRow.ts';
import { COUNT_MISSING, LAST_OF_SLICE, REMOVE_SLICE } from './postgresMissing.ts';
import type { Claim, JobStep } from './storage.ts';

/** The end of a snapshot on PostgreSQL: the methods of the port of the same names. */

export async function countMissing(
  db: PostgresDatabase,
  { jobId }: Claim,
): Promise<{ missing: number; standing: number }> {
  const { siteId, jobSeq } = (await jobRow(db, jobId)) as JobRow;
  const [from, to] = ALL_IDS;
  const missing = await db.get(COUNT_MISSING, { siteId, jobSeq, from, to });
  const standing = await db.get(
    'SELECT count(*) AS count FROM artly.points_balances WHERE site_id = :siteId',
    { siteId },
  );
  return { missing: missing?.count as number, standing: standing?.count as number };
}

export function removeMissing(
  db: PostgresDatabase,
  { limit, leaseMs, now, ...claim }: Claim & { limit: number; leaseMs: number; now: number },
): Promise<JobStep | undefined> {
  return db.race(async (tx) => {
    const job = await claimedRow(tx, claim);
    if (job === undefined || job.processed !== job.total) return undefined;
    const lastUserId = await lastOfSlice(tx, job, limit);
    if (lastUserId === null) return { job, more: false };
    const removed = await removeSlice(tx, job, lastUserId);
    const set = `removed = removed + :removed, removed_up_to = :lastUserId, version = version + 1, failures = 0,
      lease_until = :leaseUntil, step_message = :message, updated_at = :now`;
    const changed = await updateJob(tx, set, {
      jobSeq: job.jobSeq,
      removed,
      lastUserId,
      leaseUntil: now + leaseMs,
      message: stepMessage.removing({ removed: job.removed + removed }),
      now,
    });
    return { job: changed, more: true };
  });
}

/** The member at whom the slice ends, or null when nothing is left. Whole members, whatever types they have. */
async function lastOfSlice(
  tx: Connection,
  { siteId, jobSeq, removedUpTo }: JobRow,
  limit: number,
): Promise<number | null> {
  const slice = { siteId, jobSeq, from: removedUpTo + 1, to: ALL_IDS[1], limit };
  return (await tx.get(LAST_OF_SLICE, slice))?.last as number | null;
}

async function removeSlice(
  tx: Connection,
  { siteId, jobSeq, removedUpTo }: JobRow,
  to: number,
): Promise<number> {
  const row = await tx.get(REMOVE_SLICE, { siteId, jobSeq, from: removedUpTo + 1, to });
  return row?.count as number;
}
