import type { Batch } from '../domain/batch.ts';
import { SyncError } from '../domain/errors.ts';
import type { Job, JobPlan } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import type { BodyFormat, Intake, IntakeLimits, Upload, WholeBody } from '../intake/intake.ts';
import type { Actor, IdempotentRequest, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import type { SyncJobService } from './syncJobService.ts';

/** Records kept in one transaction while a body comes in. */
const RECORDS_A_STAGE = 8_000;
/** Chunks of one body under way at once: while one is parsed, the next ones are there already. */
const CHUNKS_AT_ONCE = 4;
/** How long a request may be repeated with its key: 30 days. */
export const IDEMPOTENCY_MS = 30 * 24 * 3_600_000;

/** A body of records on its way in. */
export interface IncomingJob {
  siteId: number;
  type: string;
  body: AsyncIterable<Uint8Array>;
  format: BodyFormat;
  actor: Actor;
  /** The sender's own name for this request, by which it may repeat it. */
  idempotencyKey: string | null;
  plan: JobPlan;
}

/** A job that was received: now, or before by the same request. */
export interface ReceivedJob {
  siteId: number;
  jobId: string;
  /** Records in it; null where it is known by its `jobId` alone. */
  total: number | null;
}

interface IntakeServiceParts {
  storage: Storage;
  intake: Intake;
  jobs: SyncJobService;
  clock: Clock;
  log: Log;
  limits: IntakeLimits;
  newJobId: () => string;
}

/** Receives jobs: stores their records, durably and in batches, before anyone hears that they were accepted. */
export class IntakeService {
  readonly #storage: Storage;
  readonly #intake: Intake;
  readonly #jobs: SyncJobService;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: IntakeLimits;
  readonly #newJobId: () => string;
  /** Broken uploads of which something is still stored. */
  readonly #left = new Set<string>();

  constructor({ storage, intake, jobs, clock, log, limits, newJobId }: IntakeServiceParts) {
    this.#storage = storage;
    this.#intake = intake;
    this.#jobs = jobs;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#newJobId = newJobId;
  }

  /** Resolves when the job is accepted. A body that is broken or breaks off leaves nothing behind. */
  async receive({
    siteId,
    type,
    body,
    format,
    actor,
    idempotencyKey,
    plan,
  }: IncomingJob): Promise<ReceivedJob> {
    const jobId = this.#newJobId();
    await this.#storage.openUpload({ jobId, siteId, type, ...plan, now: this.#clock.now() });
    let upload: Upload | undefined;
    try {
      upload = await this.#intake.open({ ...format, ...this.#limits, hashed: idempotencyKey !== null });
      const { batches, hash } = await this.#stageAll(jobId, upload, body);
      const acceptance = { jobId, batches, actor, now: this.#clock.now() };
      if (idempotencyKey !== null && hash !== undefined) {
        return await this.#acceptOnce(siteId, acceptance, { idempotencyKey, requestHash: hash });
      }
      return await this.#start(await this.#storage.accept(acceptance));
    } catch (error) {
      await this.#forget(jobId);
      throw error;
    } finally {
      await upload?.discard();
    }
  }

  /** The same request again gives the same job: nothing of it is kept twice. */
  async #acceptOnce(
    siteId: number,
    acceptance: Parameters<Storage['accept']>[0],
    request: IdempotentRequest,
  ): Promise<ReceivedJob> {
    const keptSince = acceptance.now - IDEMPOTENCY_MS;
    const job = await this.#storage.acceptOnce({ ...acceptance, ...request, keptSince });
    if (job !== undefined) return this.#start(job);
    await this.#storage.discardUpload({ jobId: acceptance.jobId });
    const first = await this.#storage.findRepeated({ siteId, idempotencyKey: request.idempotencyKey });
    if (first !== undefined && Buffer.compare(first.requestHash, request.requestHash) === 0) {
      return { siteId, jobId: first.jobId, total: null };
    }
    throw new SyncError(
      'IDEMPOTENCY_KEY_REUSED',
      'This Idempotency-Key came before with another body: give each new request a new key.',
    );
  }

  async #start(job: Job): Promise<ReceivedJob> {
    await this.#jobs.accepted(job);
    return { siteId: job.siteId, jobId: job.jobId, total: job.total };
  }

  /** Removes what could not be removed at once; the sweep calls this again and again. */
  async forgetLeft(): Promise<void> {
    for (const jobId of this.#left) {
      await this.#storage.discardUpload({ jobId });
      this.#left.delete(jobId);
    }
  }

  /** A failure here must not hide why the upload ended; what stays is invisible, and goes soon. */
  async #forget(jobId: string): Promise<void> {
    try {
      await this.#storage.discardUpload({ jobId });
    } catch (error) {
      this.#left.add(jobId);
      this.#log.warn('upload.left', { jobId, cause: String(error) });
    }
  }

  /**
   * Reading, parsing and storing go on side by side, a few chunks ahead: what is slowest holds the others back.
   * Gives the last batches, not yet stored, and the hash of the whole, if it was wanted.
   */
  async #stageAll(
    jobId: string,
    upload: Upload,
    body: AsyncIterable<Uint8Array>,
  ): Promise<Pick<WholeBody, 'batches' | 'hash'>> {
    const parsing: Promise<Batch[]>[] = [];
    let staging: Promise<void> = Promise.resolve();
    let ready: Batch[] = [];
    try {
      for await (const chunk of body) {
        parsing.push(awaitedLater(upload.write(chunk)));
        if (parsing.length < CHUNKS_AT_ONCE) continue;
        ready.push(...((await parsing.shift()) as Batch[]));
        if (recordsIn(ready) < RECORDS_A_STAGE) continue;
        await staging;
        staging = awaitedLater(this.#storage.stage({ jobId, batches: ready }));
        ready = [];
      }
      for (const batches of await Promise.all(parsing)) ready.push(...batches);
      await staging;
    } catch (error) {
      await Promise.allSettled([...parsing, staging]);
      throw error;
    }
    const { batches, hash } = await upload.end();
    return { batches: [...ready, ...batches], hash };
  }
}

/** The next round awaits it and hears of a failure then; until that it must not count as one nobody handles. */
function awaitedLater<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => undefined);
  return promise;
}

function recordsIn(batches: Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.count, 0);
}
