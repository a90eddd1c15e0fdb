import { createHash } from 'node:crypto';
import { type Batch, freeBatches } from '../domain/batch.ts';
import type { Job, JobPlan } from '../domain/job.ts';
import type { BodyFormat, Intake, IntakeLimits, Upload } from '../intake/intake.ts';
import type { Actor, IdempotentRequest, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import type { JobMetrics, RejectCounts } from './jobMetrics.ts';
import { stageBody } from './stageBody.ts';
import type { SyncJobService } from './syncJobService.ts';
import type { UploadDiscard } from './uploadDiscard.ts';

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
  /** The job whose rejected records these are. */
  rejectsOf?: string;
}

/** A job that was received: now, or before by the same request. */
export interface ReceivedJob {
  siteId: number;
  jobId: string;
  /** Records in it; null where it is known by its `jobId` alone. */
  total: number | null;
}

/** What receiving needs, in one piece or in parts. */
export interface ReceivingParts {
  storage: Storage;
  intake: Intake;
  jobs: SyncJobService;
  clock: Clock;
  uploads: UploadDiscard;
  metrics: JobMetrics;
  limits: IntakeLimits;
  newJobId: () => string;
}

/** Receives jobs: stores their records, durably and in batches, before anyone hears that they were accepted. */
export class IntakeService {
  readonly #storage: Storage;
  readonly #intake: Intake;
  readonly #jobs: SyncJobService;
  readonly #clock: Clock;
  readonly #uploads: UploadDiscard;
  readonly #metrics: JobMetrics;
  readonly #limits: IntakeLimits;
  readonly #newJobId: () => string;

  constructor({ storage, intake, jobs, clock, uploads, metrics, limits, newJobId }: ReceivingParts) {
    this.#storage = storage;
    this.#intake = intake;
    this.#jobs = jobs;
    this.#clock = clock;
    this.#uploads = uploads;
    this.#metrics = metrics;
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
    rejectsOf,
  }: IncomingJob): Promise<ReceivedJob> {
    const jobId = this.#newJobId();
    await this.#storage.openUpload({
      jobId,
      siteId,
      type,
      ...plan,
      rejectsOf: rejectsOf ?? null,
      now: this.#clock.now(),
    });
    let upload: Upload | undefined;
    try {
      const hashed = idempotencyKey !== null;
      upload = await this.#intake.open({ ...format, ...this.#limits, type, hashed, expectedTotal: 0 });
      const stage = (batches: Batch[]) => this.#storage.stage({ jobId, batches, now: this.#clock.now() });
      const { batches, hash, rejects } = await stageBody(upload, body, stage);
      const acceptance = { jobId, batches, actor, now: this.#clock.now() };
      if (idempotencyKey !== null && hash !== undefined) {
        const requestHash = hashOf(hash, { type, ...plan });
        return await this.#acceptOnce(siteId, acceptance, { idempotencyKey, requestHash, rejects });
      }
      const job = await this.#storage.accept(acceptance);
      freeBatches(batches);
      return await this.#start(job, rejects);
    } catch (error) {
      await this.#uploads.discard(jobId);
      throw error;
    } finally {
      await upload?.discard();
    }
  }

  /** The same request again gives the same job: nothing of it is kept twice. */
  async #acceptOnce(
    siteId: number,
    acceptance: Parameters<Storage['accept']>[0],
    { rejects, ...request }: IdempotentRequest & { rejects: RejectCounts },
  ): Promise<ReceivedJob> {
    const keptSince = acceptance.now - IDEMPOTENCY_MS;
    const job = await this.#storage.acceptOnce({ ...acceptance, ...request, keptSince });
    if (job !== undefined) return this.#start(job, rejects);
    await this.#storage.discardUpload({ jobId: acceptance.jobId });
    return { siteId, jobId: await this.#jobs.repeated(siteId, request), total: null };
  }

  async #start(job: Job, rejects: RejectCounts): Promise<ReceivedJob> {
    this.#metrics.recordsRejected(job.type, rejects);
    await this.#jobs.accepted(job);
    return { siteId: job.siteId, jobId: job.jobId, total: job.total };
  }
}

/** The same body of another type or with another plan is another request. */
function hashOf(bodyHash: Uint8Array, meant: JobPlan & { type: string }): Uint8Array {
  return createHash('sha256').update(bodyHash).update(JSON.stringify(meant)).digest();
}
