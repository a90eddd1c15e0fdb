import { freeBatches } from '../domain/batch.ts';
import { SyncError } from '../domain/errors.ts';
import type { Job, JobPlan } from '../domain/job.ts';
import type { BodyFormat, IntakeLimits, Upload } from '../intake/intake.ts';
import type { Actor, IdempotentRequest, Part } from '../storage/storage.ts';
import { IDEMPOTENCY_MS, type ReceivingParts } from './intakeService.ts';
import { stageBody } from './stageBody.ts';

/** Numbers of missing parts that a message names. */
const NAMED_PARTS = 10;

/** A job that is to come in parts. */
export interface PartsJob {
  siteId: number;
  type: string;
  expectedTotal: number | null;
  plan: JobPlan;
  actor: Actor;
  /** The request as one that may be repeated, where its sender gave it a key. */
  request: IdempotentRequest | null;
}

/** One part on its way in. */
export interface IncomingPart {
  siteId: number;
  jobId: string;
  part: number;
  body: AsyncIterable<Uint8Array>;
  format: BodyFormat;
}

/** What the sender says that a job has, once all its parts are sent. */
export interface Commit {
  siteId: number;
  jobId: string;
  parts: number;
  records: number;
  actor: Actor;
}

/**
 * Receives jobs in parts, in any order and side by side. A part counts when it is whole; nothing is applied before
 * the commit.
 */
export class PartsService {
  readonly #parts: ReceivingParts;

  constructor(parts: ReceivingParts) {
    this.#parts = parts;
  }

  /** The `jobId` of the new job, or of the one that the same request made before. */
  async open({ siteId, request, plan, ...job }: PartsJob): Promise<string> {
    const { storage, jobs, clock, newJobId } = this.#parts;
    const now = clock.now();
    const opened = await storage.openParts({
      ...job,
      ...plan,
      siteId,
      jobId: newJobId(),
      request: request && { ...request, keptSince: now - IDEMPOTENCY_MS },
      now,
    });
    if (opened === undefined) return jobs.repeated(siteId, request as IdempotentRequest);
    jobs.changed(opened);
    return opened.jobId;
  }

  /** Resolves when the part is stored. The same part again is fine; one that breaks off leaves nothing. */
  async put({ siteId, jobId, part, body, format }: IncomingPart): Promise<Part> {
    const { intake, limits } = this.#parts;
    const job = await this.#receiving(siteId, jobId);
    const room = limits.maxRecords - job.total;
    if (room <= 0) throw tooManyRecords(limits);
    const upload = await intake.open({
      ...format,
      ...limits,
      type: job.type,
      maxRecords: room,
      hashed: true,
      expectedTotal: job.expectedTotal ?? job.total,
    });
    try {
      return await this.#store(job, part, upload, body);
    } finally {
      await upload.discard();
    }
  }

  /** The parts of a job that still receives some; undefined when it doesn't. */
  async standing(job: Job): Promise<Part[] | undefined> {
    return job.inParts === 'receiving' ? this.#parts.storage.listParts({ jobId: job.jobId }) : undefined;
  }

  /** All parts are there: the job waits for its turn now. Asked again, it gives the same answer. */
  async commit({ siteId, ...commit }: Commit): Promise<Job> {
    const { storage, jobs, clock, limits } = this.#parts;
    const { jobId } = commit;
    const job = await jobs.find(siteId, jobId);
    const parts = await storage.listParts({ jobId });
    if (wasCommitted(job, parts, commit)) return job;
    if (job.inParts !== 'receiving') throw notOpen(job);
    checkCommit(job, parts, commit);
    if (commit.records > limits.maxRecords) throw tooManyRecords(limits);
    const accepted = await storage.commitParts({ ...commit, now: clock.now() });
    if (accepted === undefined) throw notOpen(await jobs.find(siteId, jobId));
    await jobs.accepted(accepted);
    return accepted;
  }

  async #receiving(siteId: number, jobId: string): Promise<Job> {
    const job = await this.#parts.jobs.find(siteId, jobId);
    if (job.inParts !== 'receiving') throw notOpen(job);
    return job;
  }

  async #store(job: Job, part: number, upload: Upload, body: AsyncIterable<Uint8Array>): Promise<Part> {
    const { storage, jobs, clock, metrics } = this.#parts;
    const { jobId, siteId, type } = job;
    // Only a part that is too large for one transaction needs a place of its own while it comes in.
    let uploadId: string | null = null;
    try {
      const { batches, total, hash, rejects } = await stageBody(upload, body, async (staged) => {
        if (uploadId === null) {
          uploadId = this.#parts.newJobId();
          await storage.openUpload({ jobId: uploadId, siteId, type, now: clock.now() });
        }
        await storage.stage({ jobId: uploadId, batches: staged, now: clock.now() });
      });
      const contentHash = hash as Uint8Array;
      const now = clock.now();
      const found = await storage.acceptPart({
        jobId,
        part,
        records: total,
        contentHash,
        uploadId,
        batches,
        now,
      });
      freeBatches(batches);
      if (found === undefined) throw notOpen(await jobs.find(siteId, jobId));
      if (Buffer.compare(found.part.contentHash, contentHash) !== 0) throw differs(part);
      if (found.added) metrics.recordsRejected(type, rejects);
      jobs.changed(found.job);
      return found.part;
    } finally {
      // An accepted part has taken over what was in there.
      if (uploadId !== null) await this.#parts.uploads.discard(uploadId);
    }
  }
}

function wasCommitted(job: Job, parts: Part[], commit: Omit<Commit, 'siteId'>): boolean {
  return job.inParts === 'committed' && parts.length === commit.parts && job.total === commit.records;
}

/** Throws where the parts that are there are not those which the commit tells of. */
function checkCommit(job: Job, parts: Part[], commit: Omit<Commit, 'siteId'>): void {
  const numbers = new Set(parts.map(({ part }) => part));
  const missing = missingNumbers(numbers, commit.parts);
  if (missing.count > 0) throw batchesMissing(missing, commit.parts);
  const extra = parts.find(({ part }) => part >= commit.parts);
  if (extra !== undefined) {
    const message = `Batch ${extra.part} is there too, but the commit tells of ${commit.parts} batches, from 0 on: give their number.`;
    throw new SyncError('UPLOAD_DIFFERS', message);
  }
  if (job.total !== commit.records) {
    const message = `The batches have ${job.total} records, not ${commit.records}: send what is missing as one more batch, or start a new job.`;
    throw new SyncError('UPLOAD_DIFFERS', message);
  }
  if (job.expectedTotal !== null && job.expectedTotal !== commit.records) {
    const message = `The job was made for ${job.expectedTotal} records, not ${commit.records}: start a new job.`;
    throw new SyncError('UPLOAD_DIFFERS', message);
  }
  if (commit.records === 0 && job.mode !== 'snapshot') {
    throw new SyncError('EMPTY_ARRAY', 'There is no record in the job: send at least one.');
  }
}

function missingNumbers(numbers: Set<number>, parts: number): { first: number[]; count: number } {
  const first: number[] = [];
  let count = 0;
  for (let part = 0; part < parts; part += 1) {
    if (numbers.has(part)) continue;
    count += 1;
    if (first.length < NAMED_PARTS) first.push(part);
  }
  return { first, count };
}

function batchesMissing({ first, count }: { first: number[]; count: number }, parts: number): SyncError {
  const others = count > first.length ? ` and ${count - first.length} more` : '';
  const message = `Of ${parts} batches, ${first.join(', ')}${others} did not come: send them, then commit again.`;
  return new SyncError('BATCHES_MISSING', message);
}

function differs(part: number): SyncError {
  const message = `Batch ${part} came before with other content, which stays: start a new job to send another.`;
  return new SyncError('BATCH_DIFFERS', message);
}

function notOpen({ status }: Job): SyncError {
  const message = `The job takes no more batches and no commit: it is ${status}. Start a new job.`;
  return new SyncError('UPLOAD_NOT_OPEN', message);
}

function tooManyRecords({ maxRecords }: IntakeLimits): SyncError {
  return new SyncError(
    'TOO_MANY_RECORDS',
    `The job has more than ${maxRecords} records: send them in several jobs.`,
  );
}
