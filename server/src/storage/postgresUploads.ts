import type { Batch } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import { type JobRow, jobFromRow } from './jobRow.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';
import { updateJob, writeAudit } from './postgresJobRow.ts';
import { DISCARD_UPLOADS, insertBatches, insertJob, keepRequest, openRow } from './postgresReceiving.ts';
import { repeatedFromRow } from './rows.ts';
import type { Actor, IdempotentRequest, NewUpload, RepeatedRequest } from './storage.ts';

/** Receiving a job on PostgreSQL: the methods of the port of the same names. */

export async function openUpload(db: PostgresDatabase, job: NewUpload): Promise<void> {
  await db.transaction((tx) => insertJob(tx, job));
}

/**
 * Doesn't wait for the disk: nobody has been told anything yet. The log is written in its order, so the commit that
 * accepts the job, which does wait, brings all of this to the disk too; a crash before it leaves no job behind.
 */
export async function stage(
  db: PostgresDatabase,
  { jobId, batches, now }: { jobId: string; batches: Batch[]; now: number },
): Promise<void> {
  const add = (tx: Connection) => addBatches(tx, { jobId, batches, now, set: '', values: {} });
  await db.transaction(add, { durable: false });
}

interface Acceptance {
  jobId: string;
  batches: Batch[];
  actor: Actor;
  now: number;
}

export function accept(db: PostgresDatabase, acceptance: Acceptance): Promise<Job> {
  return db.transaction((tx) => makePending(tx, acceptance));
}

export function acceptOnce(
  db: PostgresDatabase,
  {
    idempotencyKey,
    requestHash,
    keptSince,
    ...acceptance
  }: Acceptance & IdempotentRequest & { keptSince: number },
): Promise<Job | undefined> {
  return db.race(async (tx) => {
    const { jobId, now } = acceptance;
    const { siteId } = await openRow(tx, jobId);
    const first = await keepRequest(tx, { jobId, siteId, now, idempotencyKey, requestHash, keptSince });
    return first ? makePending(tx, acceptance) : undefined;
  });
}

export async function findRepeated(
  db: PostgresDatabase,
  { siteId, idempotencyKey }: { siteId: number; idempotencyKey: string },
): Promise<RepeatedRequest | undefined> {
  const row = await db.get(
    `SELECT job_id, request_hash FROM artly.idempotency_keys
     WHERE site_id = :siteId AND idempotency_key = :idempotencyKey`,
    { siteId, idempotencyKey },
  );
  return row && repeatedFromRow(row);
}

async function makePending(tx: Connection, { actor, ...acceptance }: Acceptance): Promise<Job> {
  const { now } = acceptance;
  const values = { message: stepMessage.waiting() };
  const job = await addBatches(tx, {
    ...acceptance,
    set: ', accepted = true, step_message = :message',
    values,
  });
  await writeAudit(tx, job, { event: 'created', actor, now, detail: `${job.total} records` });
  if (job.rejectsOf !== null) await noteMended(tx, job, { actor, now });
  return job;
}

/** The trail of the job whose rejected records these are tells where they went. */
async function noteMended(
  tx: Connection,
  { jobId, rejectsOf }: JobRow,
  by: { actor: Actor; now: number },
): Promise<void> {
  const row = await tx.get('SELECT * FROM artly.jobs WHERE job_seq = :rejectsOf', { rejectsOf });
  if (row === undefined) return;
  const detail = `its rejected records are job ${jobId}`;
  await writeAudit(tx, jobFromRow(row), { event: 'mended', ...by, detail });
}

export async function discardUpload(db: PostgresDatabase, { jobId }: { jobId: string }): Promise<void> {
  await db.transaction((tx) => tx.run(`${DISCARD_UPLOADS} AND job_id = :jobId`, { jobId }));
}

interface Addition {
  jobId: string;
  batches: Batch[];
  now: number;
  /** More of the SET clause, with its parameters. */
  set: string;
  values: Record<string, string>;
}

/** Adds batches behind those that the upload has. */
async function addBatches(tx: Connection, { jobId, batches, now, set, values }: Addition) {
  const job = await openRow(tx, jobId);
  await insertBatches(tx, job, batches, { firstNumber: job.batchCount, rejectsFrom: 0 });
  return updateJob(tx, `total = :total, batch_count = :batchCount, updated_at = :now${set}`, {
    ...values,
    jobSeq: job.jobSeq,
    total: batches.reduce((total, { count }) => total + count, job.total),
    batchCount: job.batchCount + batches.length,
    now,
  });
}
