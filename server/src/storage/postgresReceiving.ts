import type { Batch } from '../domain/batch.ts';
import { type JobRow, jobFromRow } from './jobRow.ts';
import type { Connection } from './postgresDatabase.ts';
import { lockedRow } from './postgresJobRow.ts';
import { LOCK_SPACES, lockUntilCommit } from './postgresLocks.ts';
import type { IdempotentRequest, NewUpload } from './storage.ts';

/** What receiving a job has in common on PostgreSQL, whether it comes in one piece or in parts. */

/**
 * Gives the job its place in the order. A sequence gives a number to whoever asks first, not to whoever commits
 * first; held until the commit, the lock of the site makes the two the same.
 */
export async function insertJob(
  tx: Connection,
  {
    jobId,
    siteId,
    type,
    mode = 'merge',
    confirmRemoval = false,
    ranges = null,
    rejectsOf = null,
    now,
  }: NewUpload,
): Promise<JobRow> {
  await lockUntilCommit(tx, { space: LOCK_SPACES.creation, key: siteId });
  const row = await tx.get(
    `INSERT INTO artly.jobs (job_id, site_id, type, mode, confirm_removal, ranges, rejects_of, place, created_at, updated_at)
     VALUES (:jobId, :siteId, :type, :mode, :confirmRemoval, :ranges,
       (SELECT job_seq FROM artly.jobs WHERE job_id = :rejectsOf),
       (SELECT coalesce(place, job_seq) FROM artly.jobs WHERE job_id = :rejectsOf), :now, :now) RETURNING *`,
    {
      jobId,
      siteId,
      type,
      mode,
      confirmRemoval,
      ranges: ranges === null ? null : JSON.stringify(ranges),
      rejectsOf,
      now,
    },
  );
  return jobFromRow(row as Record<string, unknown>);
}

/**
 * Marks open uploads as jobs that ended long ago and whose records nobody needs: what was kept of them then goes as
 * that of old jobs, in slices.
 */
export const DISCARD_UPLOADS = `
  UPDATE artly.jobs SET records_kept = false, completed_at = 0
  WHERE NOT accepted AND NOT in_parts AND records_kept`;

/** The row of an upload that nobody sees yet, held. */
export async function openRow(tx: Connection, jobId: string): Promise<JobRow> {
  const job = await lockedRow(tx, jobId);
  if (job === undefined || job.visible || !job.recordsKept) {
    throw new Error(`Job ${jobId} is no open upload.`);
  }
  return job;
}

/**
 * Keeps which job the request made, and tells whether it is the first with its key. Of two at once, the second waits
 * for the first to commit or roll back.
 */
export async function keepRequest(
  tx: Connection,
  request: { jobId: string; siteId: number; now: number } & IdempotentRequest & { keptSince: number },
): Promise<boolean> {
  const { jobId, siteId, now, idempotencyKey, requestHash, keptSince } = request;
  const kept = await tx.run(
    `INSERT INTO artly.idempotency_keys AS k (site_id, idempotency_key, request_hash, job_id, created_at)
     VALUES (:siteId, :idempotencyKey, :requestHash, :jobId, :now)
     ON CONFLICT (site_id, idempotency_key) DO UPDATE
       SET request_hash = excluded.request_hash, job_id = excluded.job_id, created_at = excluded.created_at
       WHERE k.created_at < :keptSince`,
    { jobId, siteId, now, idempotencyKey, requestHash, keptSince },
  );
  return kept === 1;
}

/**
 * Batches are numbered on from `firstNumber`; to the index of each reject, `rejectsFrom` is added. One statement writes
 * them all: their rows go over in one piece, of which each takes its share.
 */
export async function insertBatches(
  tx: Connection,
  { jobSeq }: JobRow,
  batches: Batch[],
  { firstNumber, rejectsFrom }: { firstNumber: number; rejectsFrom: number },
): Promise<void> {
  if (batches.length === 0) return;
  let from = 1;
  const list = batches.map(({ rows, count, rejects, ...batch }, at) => {
    const share = { n: firstNumber + at, count, from, bytes: rows.length };
    from += rows.length;
    return { ...batch, ...share };
  });
  const rows = Buffer.concat(batches.map((batch) => batch.rows));
  await tx.run(INSERT_BATCHES, { jobSeq, batches: JSON.stringify(list), rows });
  for (const batch of batches) {
    if (batch.rejects.length > 0) await insertRejects(tx, { jobSeq, rejectsFrom, batch });
  }
}

/** The names of the columns of `b` are those of a `Batch`. */
const INSERT_BATCHES = `
  INSERT INTO artly.job_batches (job_seq, n, record_count, packed_rows, row_count, removal_list, removal_count,
    reject_count, min_user_id, max_user_id, points_types, rejected_user_ids)
  SELECT :jobSeq, b.n, b.count, substring(:rows::bytea FROM b."from" FOR b.bytes), b."rowCount", b.removals::jsonb,
    b."removalCount", b."rejectCount", b."minUserId", b."maxUserId", b."pointsTypes", b."rejectedUserIds"
  FROM jsonb_to_recordset(:batches::jsonb) AS b (n bigint, count integer, "from" integer, bytes integer,
    "rowCount" integer, removals text, "removalCount" integer, "rejectCount" integer, "minUserId" bigint,
    "maxUserId" bigint, "pointsTypes" jsonb, "rejectedUserIds" jsonb)`;

async function insertRejects(
  tx: Connection,
  { jobSeq, rejectsFrom, batch }: { jobSeq: number; rejectsFrom: number; batch: Batch },
): Promise<void> {
  await tx.run(
    `INSERT INTO artly.job_rejects (job_seq, record_index, wp_user_id, code, message, record)
     SELECT :jobSeq, :rejectsFrom::bigint + (r ->> 'index')::bigint, (r ->> 'wpUserId')::bigint, r ->> 'code',
       r ->> 'message', r ->> 'record'
     FROM jsonb_array_elements(:rejects::jsonb) AS r`,
    { jobSeq, rejectsFrom, rejects: JSON.stringify(batch.rejects) },
  );
}
