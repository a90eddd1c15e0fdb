import type { Batch } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import { type JobRow, jobFromRow } from './jobRow.ts';
import { repeatedFromRow } from './rows.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { DISCARD_UPLOADS, jobRow, writeAudit } from './sqliteJobRow.ts';
import { insertBatches, insertJob, keepRequest, openRow } from './sqliteReceiving.ts';
import type { Actor, IdempotentRequest, NewUpload, RepeatedRequest } from './storage.ts';

/** Receiving a job on SQLite: the methods of the port of the same names. */

export function openUpload(db: SqliteDatabase, job: NewUpload): void {
  insertJob(db, job);
}

export function stage(
  db: SqliteDatabase,
  { jobId, batches, now }: { jobId: string; batches: Batch[]; now: number },
): void {
  db.transaction(() => addBatches(db, openRow(db, jobId), batches, now));
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
    const first = keepRequest(db, { jobId, siteId, now, idempotencyKey, requestHash, keptSince });
    return first ? makePending(db, acceptance) : undefined;
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
  return row && repeatedFromRow(row);
}

function makePending(db: SqliteDatabase, { jobId, batches, actor, now }: Acceptance): Job {
  addBatches(db, openRow(db, jobId), batches, now);
  db.run('UPDATE jobs SET accepted = 1, step_message = :message WHERE job_id = :jobId', {
    jobId,
    message: stepMessage.waiting(),
  });
  const job = jobRow(db, jobId) as JobRow;
  writeAudit(db, job, { event: 'created', actor, now, detail: `${job.total} records` });
  if (job.rejectsOf !== null) noteMended(db, job, { actor, now });
  return job;
}

/** The trail of the job whose rejected records these are tells where they went. */
function noteMended(
  db: SqliteDatabase,
  { jobId, rejectsOf }: JobRow,
  by: { actor: Actor; now: number },
): void {
  const row = db.get('SELECT * FROM jobs WHERE job_seq = :rejectsOf', { rejectsOf });
  if (row === undefined) return;
  writeAudit(db, jobFromRow(row), {
    event: 'mended',
    ...by,
    detail: `its rejected records are job ${jobId}`,
  });
}

export function discardUpload(db: SqliteDatabase, { jobId }: { jobId: string }): void {
  db.run(`${DISCARD_UPLOADS} AND job_id = :jobId`, { jobId });
}

/** Adds batches behind those that the upload has. */
function addBatches(db: SqliteDatabase, job: JobRow, batches: Batch[], now: number): void {
  insertBatches(db, job, batches, { firstNumber: job.batchCount, rejectsFrom: 0 });
  db.run(
    `UPDATE jobs SET total = :total, batch_count = :batchCount, updated_at = :now WHERE job_seq = :jobSeq`,
    {
      jobSeq: job.jobSeq,
      now,
      total: batches.reduce((total, { count }) => total + count, job.total),
      batchCount: job.batchCount + batches.length,
    },
  );
}
