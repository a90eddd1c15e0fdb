import type { Batch } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import { type JobRow, jobFromRow, WORKER } from './jobRow.ts';
import { BATCHES_A_PART, PART_BITS } from './partNumbers.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';
import { lockedRow, moveJob, updateJob, writeAudit } from './postgresJobRow.ts';
import { insertBatches, insertJob, keepRequest, openRow } from './postgresReceiving.ts';
import { partFromRow } from './rows.ts';
import type { AcceptedPart, Actor, IdempotentRequest, NewPartsJob, Part } from './storage.ts';

/** A job in parts on PostgreSQL: the methods of the port of the same names. */

export function openParts(
  db: PostgresDatabase,
  { actor, request, ...job }: NewPartsJob & { request: (IdempotentRequest & { keptSince: number }) | null },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const { jobId, siteId, now } = job;
    if (request !== null && !(await keepRequest(tx, { jobId, siteId, now, ...request }))) return undefined;
    const { jobSeq } = await insertJob(tx, job);
    const set = 'in_parts = true, expected_total = :expectedTotal, step_message = :message';
    const message = stepMessage.receiving({ parts: 0, total: 0 });
    const row = await updateJob(tx, set, { jobSeq, expectedTotal: job.expectedTotal, message });
    await writeAudit(tx, row, { event: 'created', actor, now, detail: 'its records come in parts' });
    return row;
  });
}

export function acceptPart(
  db: PostgresDatabase,
  { jobId, uploadId, batches, now, ...part }: Part & PartUpload,
): Promise<AcceptedPart | undefined> {
  return db.race(async (tx) => {
    const job = await receivingRow(tx, jobId);
    if (job === undefined) return undefined;
    const standing = await findPart(tx, job, part.part);
    if (standing !== undefined) return { job, part: standing, added: false };
    const staged = uploadId === null ? 0 : await adoptBatches(tx, { job, part: part.part, uploadId });
    await insertBatches(tx, job, batches, {
      firstNumber: part.part * BATCHES_A_PART + staged,
      rejectsFrom: part.part * 2 ** PART_BITS,
    });
    await tx.run(
      `INSERT INTO artly.job_parts (job_seq, part, record_count, content_hash)
       VALUES (:jobSeq, :part, :records, :contentHash)`,
      { jobSeq: job.jobSeq, ...part },
    );
    return { job: await countPart(tx, job, { records: part.records, now }), part, added: true };
  });
}

interface PartUpload {
  jobId: string;
  uploadId: string | null;
  batches: Batch[];
  now: number;
}

/** Moves the staged batches of an upload to the job that it is a part of; gives their number. */
async function adoptBatches(
  tx: Connection,
  { job, part, uploadId }: { job: JobRow; part: number; uploadId: string },
): Promise<number> {
  const upload = await openRow(tx, uploadId);
  const move = { jobSeq: job.jobSeq, uploadSeq: upload.jobSeq };
  await tx.run('UPDATE artly.job_batches SET job_seq = :jobSeq, n = :from + n WHERE job_seq = :uploadSeq', {
    ...move,
    from: part * BATCHES_A_PART,
  });
  await tx.run(
    `UPDATE artly.job_rejects SET job_seq = :jobSeq, record_index = :from + record_index
     WHERE job_seq = :uploadSeq`,
    { ...move, from: part * 2 ** PART_BITS },
  );
  await tx.run('DELETE FROM artly.jobs WHERE job_seq = :uploadSeq', { uploadSeq: upload.jobSeq });
  return upload.batchCount;
}

async function countPart(
  tx: Connection,
  job: JobRow,
  { records, now }: { records: number; now: number },
): Promise<JobRow> {
  const total = job.total + records;
  const { parts } = await summaryOf(tx, job);
  const set = 'total = :total, version = version + 1, step_message = :message, updated_at = :now';
  const message = stepMessage.receiving({ parts, total });
  return updateJob(tx, set, { jobSeq: job.jobSeq, total, message, now });
}

export function commitParts(
  db: PostgresDatabase,
  {
    jobId,
    parts,
    records,
    actor,
    now,
  }: { jobId: string; parts: number; records: number; actor: Actor; now: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const job = await receivingRow(tx, jobId);
    if (job === undefined) return undefined;
    const standing = await summaryOf(tx, job);
    if (standing.parts !== parts || standing.last !== parts - 1 || job.total !== records) return undefined;
    await numberRejects(tx, job);
    const set = 'accepted = true, version = version + 1, step_message = :message, updated_at = :now';
    const accepted = await updateJob(tx, set, { jobSeq: job.jobSeq, message: stepMessage.waiting(), now });
    const detail = `${records} records in ${parts} parts`;
    await writeAudit(tx, accepted, { event: 'committed', actor, now, detail });
    return accepted;
  });
}

/** From the index within a part to that within the job. Indexes only get smaller, so none meets another on its way. */
async function numberRejects(tx: Connection, { jobSeq }: JobRow): Promise<void> {
  await tx.run(
    `UPDATE artly.job_rejects AS r SET record_index = (r.record_index & :mask::bigint) + p.before
     FROM (SELECT part, sum(record_count) OVER (ORDER BY part) - record_count AS before
           FROM artly.job_parts WHERE job_seq = :jobSeq) AS p
     WHERE r.job_seq = :jobSeq AND r.record_index >> :bits::integer = p.part`,
    { jobSeq, bits: PART_BITS, mask: 2 ** PART_BITS - 1 },
  );
}

/** Passes over what another process has in hand: it abandons the same jobs. */
export function abandonParts(
  db: PostgresDatabase,
  { untouchedSince, limit, now }: { untouchedSince: number; limit: number; now: number },
): Promise<Job[]> {
  return db.transaction(async (tx) => {
    const rows = await tx.all(
      `SELECT * FROM artly.jobs
       WHERE NOT accepted AND status = 'pending' AND in_parts AND updated_at < :untouchedSince
       ORDER BY job_seq LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED`,
      { untouchedSince, limit },
    );
    const abandoned = [];
    for (const row of rows) abandoned.push(await abandon(tx, jobFromRow(row), now));
    return abandoned;
  });
}

async function abandon(tx: Connection, job: JobRow, now: number): Promise<Job> {
  const message = stepMessage.abandoned();
  return (await moveJob(tx, job, 'abandoned', {
    set: `completed_at = :now, records_kept = false, step_message = :stepMessage, error_code = 'UPLOAD_ABANDONED',
      error_message = :message`,
    values: { message, stepMessage: stepMessage.failed({ message }) },
    actor: WORKER,
    now,
    detail: message,
  })) as Job;
}

export async function listParts(db: PostgresDatabase, { jobId }: { jobId: string }): Promise<Part[]> {
  const rows = await db.all(
    `SELECT p.part, p.record_count, p.content_hash FROM artly.job_parts AS p JOIN artly.jobs AS j USING (job_seq)
     WHERE j.job_id = :jobId ORDER BY p.part`,
    { jobId },
  );
  return rows.map(partFromRow);
}

/** A job in parts while they still come in, held. */
async function receivingRow(tx: Connection, jobId: string): Promise<JobRow | undefined> {
  const job = await lockedRow(tx, jobId);
  return job?.inParts === 'receiving' ? job : undefined;
}

async function findPart(tx: Connection, { jobSeq }: JobRow, part: number): Promise<Part | undefined> {
  const row = await tx.get(
    'SELECT part, record_count, content_hash FROM artly.job_parts WHERE job_seq = :jobSeq AND part = :part',
    { jobSeq, part },
  );
  return row && partFromRow(row);
}

/** How many parts there are, and the number of the last one: -1 where there is none. */
async function summaryOf(tx: Connection, { jobSeq }: JobRow): Promise<{ parts: number; last: number }> {
  const row = await tx.get(
    'SELECT count(*) AS parts, coalesce(max(part), -1) AS last FROM artly.job_parts WHERE job_seq = :jobSeq',
    { jobSeq },
  );
  return { parts: row?.parts as number, last: row?.last as number };
}
