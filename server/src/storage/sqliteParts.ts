import type { Batch } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import { type JobRow, WORKER } from './jobRow.ts';
import { BATCHES_A_PART, PART_BITS } from './partNumbers.ts';
import { partFromRow } from './rows.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { jobRow, moveJob, writeAudit } from './sqliteJobRow.ts';
import { insertBatches, insertJob, keepRequest, openRow } from './sqliteReceiving.ts';
import type { AcceptedPart, Actor, IdempotentRequest, NewPartsJob, Part } from './storage.ts';

/** A job in parts on SQLite: the methods of the port of the same names. */

export function openParts(
  db: SqliteDatabase,
  { actor, request, ...job }: NewPartsJob & { request: (IdempotentRequest & { keptSince: number }) | null },
): Job | undefined {
  return db.race(() => {
    const { jobId, siteId, now } = job;
    if (request !== null && !keepRequest(db, { jobId, siteId, now, ...request })) return undefined;
    insertJob(db, job);
    db.run(
      `UPDATE jobs SET in_parts = 1, expected_total = :expectedTotal, step_message = :message WHERE job_id = :jobId`,
      { jobId, expectedTotal: job.expectedTotal, message: stepMessage.receiving({ parts: 0, total: 0 }) },
    );
    const row = jobRow(db, jobId) as JobRow;
    writeAudit(db, row, { event: 'created', actor, now, detail: 'its records come in parts' });
    return row;
  });
}

export function acceptPart(
  db: SqliteDatabase,
  { jobId, uploadId, batches, now, ...part }: Part & PartUpload,
): AcceptedPart | undefined {
  return db.race(() => {
    const job = receivingRow(db, jobId);
    if (job === undefined) return undefined;
    const standing = findPart(db, job, part.part);
    if (standing !== undefined) return { job, part: standing, added: false };
    const staged = uploadId === null ? 0 : adoptBatches(db, { job, part: part.part, uploadId });
    insertBatches(db, job, batches, {
      firstNumber: part.part * BATCHES_A_PART + staged,
      rejectsFrom: part.part * 2 ** PART_BITS,
    });
    db.run(
      `INSERT INTO job_parts (job_seq, part, record_count, content_hash) VALUES (:jobSeq, :part, :records, :contentHash)`,
      { jobSeq: job.jobSeq, ...part },
    );
    return { job: countPart(db, job, { records: part.records, now }), part, added: true };
  });
}

interface PartUpload {
  jobId: string;
  uploadId: string | null;
  batches: Batch[];
  now: number;
}

/** Moves the staged batches of an upload to the job that it is a part of; gives their number. */
function adoptBatches(
  db: SqliteDatabase,
  { job, part, uploadId }: { job: JobRow; part: number; uploadId: string },
): number {
  const upload = openRow(db, uploadId);
  const move = { jobSeq: job.jobSeq, uploadSeq: upload.jobSeq };
  db.run('UPDATE job_batches SET job_seq = :jobSeq, n = :from + n WHERE job_seq = :uploadSeq', {
    ...move,
    from: part * BATCHES_A_PART,
  });
  db.run(
    'UPDATE job_rejects SET job_seq = :jobSeq, record_index = :from + record_index WHERE job_seq = :uploadSeq',
    { ...move, from: part * 2 ** PART_BITS },
  );
  db.run('DELETE FROM jobs WHERE job_seq = :uploadSeq', { uploadSeq: upload.jobSeq });
  return upload.batchCount;
}

function countPart(
  db: SqliteDatabase,
  job: JobRow,
  { records, now }: { records: number; now: number },
): JobRow {
  const total = job.total + records;
  const { parts } = summaryOf(db, job);
  db.run(
    `UPDATE jobs SET total = :total, version = version + 1, step_message = :message, updated_at = :now
     WHERE job_seq = :jobSeq`,
    { jobSeq: job.jobSeq, total, message: stepMessage.receiving({ parts, total }), now },
  );
  return jobRow(db, job.jobId) as JobRow;
}

export function commitParts(
  db: SqliteDatabase,
  {
    jobId,
    parts,
    records,
    actor,
    now,
  }: { jobId: string; parts: number; records: number; actor: Actor; now: number },
): Job | undefined {
  return db.race(() => {
    const job = receivingRow(db, jobId);
    if (job === undefined) return undefined;
    const standing = summaryOf(db, job);
    if (standing.parts !== parts || standing.last !== parts - 1 || job.total !== records) return undefined;
    numberRejects(db, job);
    db.run(
      `UPDATE jobs SET accepted = 1, version = version + 1, step_message = :message, updated_at = :now
       WHERE job_seq = :jobSeq`,
      { jobSeq: job.jobSeq, message: stepMessage.waiting(), now },
    );
    const accepted = jobRow(db, jobId) as JobRow;
    writeAudit(db, accepted, {
      event: 'committed',
      actor,
      now,
      detail: `${records} records in ${parts} parts`,
    });
    return accepted;
  });
}

/** From the index within a part to that within the job. Indexes only get smaller, so none meets another on its way. */
function numberRejects(db: SqliteDatabase, { jobSeq }: JobRow): void {
  db.run(
    `UPDATE job_rejects SET record_index = (record_index & :mask) + p.before
     FROM (SELECT part, sum(record_count) OVER (ORDER BY part) - record_count AS before
           FROM job_parts WHERE job_seq = :jobSeq) AS p
     WHERE job_rejects.job_seq = :jobSeq AND job_rejects.record_index >> :bits = p.part`,
    { jobSeq, bits: PART_BITS, mask: 2 ** PART_BITS - 1 },
  );
}

export function abandonParts(
  db: SqliteDatabase,
  { untouchedSince, limit, now }: { untouchedSince: number; limit: number; now: number },
): Job[] {
  return db.transaction(() =>
    db
      .all(
        `SELECT job_id FROM jobs
         WHERE in_parts = 1 AND accepted = 0 AND status = 'pending' AND updated_at < :untouchedSince
         ORDER BY updated_at LIMIT :limit`,
        { untouchedSince, limit },
      )
      .map((row) => abandon(db, jobRow(db, row.job_id as string) as JobRow, now)),
  );
}

function abandon(db: SqliteDatabase, job: JobRow, now: number): Job {
  const message = stepMessage.abandoned();
  return moveJob(db, job, 'abandoned', {
    set: `completed_at = :now, records_kept = 0, step_message = :stepMessage, error_code = 'UPLOAD_ABANDONED',
      error_message = :message`,
    values: { message, stepMessage: stepMessage.failed({ message }) },
    actor: WORKER,
    now,
    detail: message,
  }) as Job;
}

export function listParts(db: SqliteDatabase, { jobId }: { jobId: string }): Part[] {
  return db
    .all(
      `SELECT p.part, p.record_count, p.content_hash FROM job_parts AS p JOIN jobs AS j USING (job_seq)
       WHERE j.job_id = :jobId ORDER BY p.part`,
      { jobId },
    )
    .map(partFromRow);
}

/** A job in parts while they still come in. */
function receivingRow(db: SqliteDatabase, jobId: string): JobRow | undefined {
  const job = jobRow(db, jobId);
  return job?.inParts === 'receiving' ? job : undefined;
}

function findPart(db: SqliteDatabase, { jobSeq }: JobRow, part: number): Part | undefined {
  const row = db.get(
    'SELECT part, record_count, content_hash FROM job_parts WHERE job_seq = :jobSeq AND part = :part',
    { jobSeq, part },
  );
  return row && partFromRow(row);
}

/** How many parts there are, and the number of the last one: -1 where there is none. */
function summaryOf(db: SqliteDatabase, { jobSeq }: JobRow): { parts: number; last: number } {
  const row = db.get(
    'SELECT count(*) AS parts, coalesce(max(part), -1) AS last FROM job_parts WHERE job_seq = :jobSeq',
    {
      jobSeq,
    },
  );
  return { parts: row?.parts as number, last: row?.last as number };
}
