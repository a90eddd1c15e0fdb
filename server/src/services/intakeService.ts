import type { Batch } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import type { Intake, IntakeLimits, Upload } from '../intake/intake.ts';
import type { Actor, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import type { SyncJobService } from './syncJobService.ts';

/** Records kept in one transaction while a body comes in. */
const RECORDS_A_STAGE = 8_000;

/** A body of records on its way in. */
export interface IncomingJob {
  siteId: number;
  type: string;
  body: AsyncIterable<Uint8Array>;
  gzip: boolean;
  actor: Actor;
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
  async receive({ siteId, type, body, gzip, actor }: IncomingJob): Promise<Job> {
    const jobId = this.#newJobId();
    await this.#storage.openUpload({ jobId, siteId, type, now: this.#clock.now() });
    const upload = await this.#intake.open({ gzip, ...this.#limits });
    try {
      const batches = await this.#stageAll(jobId, upload, body);
      const job = await this.#storage.accept({ jobId, batches, actor, now: this.#clock.now() });
      await this.#jobs.accepted(job);
      return job;
    } catch (error) {
      await this.#forget(jobId);
      throw error;
    } finally {
      await upload.discard();
    }
  }

  /** A failure here must not hide why the upload ended; what stays is invisible, and goes at the next start. */
  async #forget(jobId: string): Promise<void> {
    try {
      await this.#storage.discardUpload({ jobId });
    } catch (error) {
      this.#log.error('upload.left', { jobId, cause: String(error) });
    }
  }

  /**
   * Reading, parsing and storing go on side by side, one step of each: what is slowest holds the others back.
   * Gives the last batches, not yet stored.
   */
  async #stageAll(jobId: string, upload: Upload, body: AsyncIterable<Uint8Array>): Promise<Batch[]> {
    let parsing: Promise<Batch[]> = Promise.resolve([]);
    let staging: Promise<void> = Promise.resolve();
    let ready: Batch[] = [];
    try {
      for await (const chunk of body) {
        ready.push(...(await parsing));
        parsing = awaitedLater(upload.write(chunk));
        if (recordsIn(ready) < RECORDS_A_STAGE) continue;
        await staging;
        staging = awaitedLater(this.#storage.stage({ jobId, batches: ready }));
        ready = [];
      }
      ready.push(...(await parsing));
      await staging;
    } catch (error) {
      await Promise.allSettled([parsing, staging]);
      throw error;
    }
    const last = await upload.end();
    return [...ready, ...last.batches];
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
