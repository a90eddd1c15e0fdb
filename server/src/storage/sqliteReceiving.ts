import type { Batch } from '../domain/batch.ts';
import type { JobRow } from './jobRow.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { jobRow } from './sqliteJobRow.ts';
import type { IdempotentRequest, NewUpload } from './storage.ts';

/** What receiving a job has in common on SQLite, whether it comes in one piece or in parts. */

export function insertJob(
  db: SqliteDatabase,
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
): void {
  db.run(
    `INSERT INTO jobs (job_id, site_id, type, mode, confirm_removal, ranges, rejects_of, place, created_at, updated_at)
     VALUES (:jobId, :siteId, :type, :mode, :confirmRemoval, :ranges,
       (SELECT job_seq FROM jobs WHERE job_id = :rejectsOf), (SELECT coalesce(place, job_seq) FROM jobs WHERE job_id = :rejectsOf),
       :now, :now)`,
    {
      jobId,
      siteId,
      type,
      mode,
      confirmRemoval: confirmRemoval ? 1 : 0,
      ranges: ranges === null ? null : JSON.stringify(ranges),
      rejectsOf,
      now,
    },
  );
}

/** The row of an upload that nobody sees yet. */
export function openRow(db: SqliteDatabase, jobId: string): JobRow {
  const job = jobRow(db, jobId);
  if (job === undefined || job.visible || !job.recordsKept) {
    throw new Error(`Job ${jobId} is no open upload.`);
  }
  return job;
}

/** Keeps which job the request made, and tells whether it is the first with its key. */
export function keepRequest(
  db: SqliteDatabase,
  request: { jobId: string; siteId: number; now: number } & IdempotentRequest & { keptSince: number },
): boolean {
  const kept = db.run(
    `INSERT INTO idempotency_keys (site_id, idempotency_key, request_hash, job_id, created_at)
     VALUES (:siteId, :idempotencyKey, :requestHash, :jobId, :now)
     ON CONFLICT (site_id, idempotency_key) DO UPDATE
       SET request_hash = excluded.request_hash, job_id = excluded.job_id, created_at = excluded.created_at
       WHERE created_at < :keptSince`,
    { ...request },
  );
  return kept === 1;
}

/** Batches are numbered on from `firstNumber`; to the index of each reject, `rejectsFrom` is added. */
export function insertBatches(
  db: SqliteDatabase,
  { jobSeq }: JobRow,
  batches: Batch[],
  { firstNumber, rejectsFrom }: { firstNumber: number; rejectsFrom: number },
): void {
  batches.forEach((batch, at) => {
    insertBatch(db, { jobSeq, n: firstNumber + at, batch });
    if (batch.rejects.length > 0) insertRejects(db, { jobSeq, rejectsFrom, batch });
  });
}

function insertBatch(
  db: SqliteDatabase,
  { jobSeq, n, batch }: { jobSeq: number; n: number; batch: Batch },
): void {
  db.run(
    `INSERT INTO job_batches (job_seq, n, record_count, packed_rows, row_count, removal_list, removal_count,
       reject_count, min_user_id, max_user_id, points_types, rejected_user_ids)
     VALUES (:jobSeq, :n, :count, :rows, :rowCount, :removals, :removalCount, :rejectCount, :minUserId, :maxUserId,
       :pointsTypes, :rejectedUserIds)`,
    {
      jobSeq,
      n,
      count: batch.count,
      rows: batch.rows,
      rowCount: batch.rowCount,
      removals: batch.removals,
      removalCount: batch.removalCount,
      rejectCount: batch.rejectCount,
      minUserId: batch.minUserId,
      maxUserId: batch.maxUserId,
      pointsTypes: JSON.stringify(batch.pointsTypes),
      rejectedUserIds: JSON.stringify(batch.rejectedUserIds),
    },
  );
}

function insertRejects(
  db: SqliteDatabase,
  { jobSeq, rejectsFrom, batch }: { jobSeq: number; rejectsFrom: number; batch: Batch },
): void {
  db.run(
    `INSERT INTO job_rejects (job_seq, record_index, wp_user_id, code, message, record)
     SELECT :jobSeq, :rejectsFrom + (r.value ->> 'index'), r.value ->> 'wpUserId', r.value ->> 'code',
       r.value ->> 'message', r.value ->> 'record'
     FROM json_each(:rejects) AS r`,
    { jobSeq, rejectsFrom, rejects: JSON.stringify(batch.rejects) },
  );
}
