import type { Batch } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { DISCARD_UPLOADS, type JobRow, jobRow, writeAudit } from './sqliteJobRow.ts';
import type { Actor, IdempotentRequest, NewUpload, RepeatedRequest } from './storage.ts';

/** Receiving a job on SQLite: the methods of the port of the same names. */

export function openUpload(
  db: SqliteDatabase,
  { mode = 'merge', confirmRemoval = false, ...job }: NewUpload,
): void {
  db.run(
    `INSERT INTO jobs (job_id, site_id, type, mode, confirm_removal, created_at, updated_at)
     VALUES (:jobId, :siteId, :type, :mode, :confirmRemoval, :now, :now)`,
    { ...job, mode, confirmRemoval: confirmRemoval ? 1 : 0 },
  );
}

export function stage(db: SqliteDatabase, { jobId, batches }: { jobId: string; batches: Batch[] }): void {
  db.transaction(() => insertBatches(db, openRow(db, jobId), batches));
}

interface Acceptance {
  jobId: string;
  batches: Batch[];
  actor: Actor;
  now: number;
}

export function accept(db: SqliteDatabase, acceptance: Acceptance): Job {
  return db.transaction(() => makePending(db, acceptance));
}

export function acceptOnce(
  db: SqliteDatabase,
  {
    idempotencyKey,
    requestHash,
    keptSince,
    ...acceptance
  }: Acceptance & IdempotentRequest & { keptSince: number },
): Job | undefined {
  return db.race(() => {
    const { jobId, now } = acceptance;
    const { siteId } = openRow(db, jobId);
    const first = db.run(
      `INSERT INTO idempotency_keys (site_id, idempotency_key, request_hash, job_id, created_at)
       VALUES (:siteId, :idempotencyKey, :requestHash, :jobId, :now)
       ON CONFLICT (site_id, idempotency_key) DO UPDATE
         SET request_hash = excluded.request_hash, job_id = excluded.job_id, created_at = excluded.created_at
         WHERE created_at < :keptSince`,
      { siteId, idempotencyKey, requestHash, jobId, now, keptSince },
    );
    return first === 1 ? makePending(db, acceptance) : undefined;
  });
}

export function findRepeated(
  db: SqliteDatabase,
  { siteId, idempotencyKey }: { siteId: number; idempotencyKey: string },
): RepeatedRequest | undefined {
  const row = db.get(
    `SELECT job_id, request_hash FROM idempotency_keys WHERE site_id = :siteId AND idempotency_key = :idempotencyKey`,
    { siteId, idempotencyKey },
  );
  return row && { jobId: row.job_id as string, requestHash: row.request_hash as Uint8Array };
}

function makePending(db: SqliteDatabase, { jobId, batches, actor, now }: Acceptance): Job {
  insertBatches(db, openRow(db, jobId), batches);
  db.run(`UPDATE jobs SET accepted = 1, step_message = :message, updated_at = :now WHERE job_id = :jobId`, {
    jobId,
    message: stepMessage.waiting(),
    now,
  });
  const job = jobRow(db, jobId) as JobRow;
  writeAudit(db, job, { event: 'created', actor, now, detail: `${job.total} records` });
  return job;
}

export function discardUpload(db: SqliteDatabase, { jobId }: { jobId: string }): void {
  db.run(`${DISCARD_UPLOADS} AND job_id = :jobId`, { jobId });
}

function openRow(db: SqliteDatabase, jobId: string): JobRow {
  const job = jobRow(db, jobId);
  if (job === undefined || job.accepted || !job.recordsKept)
    throw new Error(`Job ${jobId} is no open upload.`);
  return job;
}

function insertBatches(db: SqliteDatabase, job: JobRow, batches: Batch[]): void {
  let total = job.total;
  batches.forEach((batch, at) => {
    insertBatch(db, { jobSeq: job.jobSeq, n: job.batchCount + at, batch });
    total += batch.count;
  });
  db.run(`UPDATE jobs SET total = :total, batch_count = :batchCount WHERE job_seq = :jobSeq`, {
    jobSeq: job.jobSeq,
    total,
    batchCount: job.batchCount + batches.length,
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
  if (batch.rejects.length === 0) return;
  db.run(
    `INSERT INTO job_rejects (job_seq, record_index, wp_user_id, code, message)
     SELECT :jobSeq, r.value ->> 'index', r.value ->> 'wpUserId', r.value ->> 'code', r.value ->> 'message'
     FROM json_each(:rejects) AS r`,
    { jobSeq, rejects: JSON.stringify(batch.rejects) },
  );
}
