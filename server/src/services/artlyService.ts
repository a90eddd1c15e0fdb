import { SyncError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import type { Balance } from '../domain/pointsBalance.ts';
import type { JobStep, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import type { IncomingJob, IntakeService } from './intakeService.ts';
import type { StorageWatch } from './storageWatch.ts';
import type { SyncJobService } from './syncJobService.ts';

/** How long one job is worked on before the next one has its turn. */
const TURN_MS = 100;

interface ArtlyServiceParts {
  storage: Storage;
  jobs: SyncJobService;
  intake: IntakeService;
  clock: Clock;
  watch: StorageWatch;
}

/** What was done: `job` is undefined where another process has it, `again` says that it wants another turn. */
export interface Processed {
  job: Job | undefined;
  again: boolean;
}

/** Points balances: how they are applied and read. */
export class ArtlyService {
  readonly #storage: Storage;
  readonly #jobs: SyncJobService;
  readonly #intake: IntakeService;
  readonly #clock: Clock;
  readonly #watch: StorageWatch;

  constructor({ storage, jobs, intake, clock, watch }: ArtlyServiceParts) {
    this.#storage = storage;
    this.#jobs = jobs;
    this.#intake = intake;
    this.#clock = clock;
    this.#watch = watch;
  }

  /**
   * Applies balances. With a `jobId`, those that this job carries, for one turn, and each batch is committed
   * together with the progress of that job. With `incoming` instead, it stores them as a job of their own first
   * and resolves when that job has ended: there is no second way to apply a balance.
   */
  async processPointsBalances(
    work: { signal: AbortSignal } & ({ jobId: string } | { incoming: IncomingJob }),
  ): Promise<Processed> {
    if ('jobId' in work) return this.#takeTurn(work.jobId, work.signal);
    const { siteId, jobId } = await this.#intake.receive(work.incoming);
    return { job: await this.#jobs.untilEnded(siteId, jobId, work.signal), again: false };
  }

  /**
   * Balances by member, then type of points, from the member after `afterUserId` on: at most `limit`, but never
   * only a part of a member's. `next` is the `afterUserId` of the next page, or null.
   */
  async listBalances(page: {
    siteId: number;
    pointsType: string | null;
    afterUserId: number;
    limit: number;
  }): Promise<{ balances: Balance[]; next: number | null }> {
    const found = await this.#storage.listBalances({ ...page, limit: page.limit + 1 });
    const beyond = found[page.limit];
    if (beyond === undefined) return { balances: found, next: null };
    const { siteId } = page;
    const { wpUserId } = beyond;
    const whole = found.filter((balance) => balance.wpUserId < wpUserId);
    const balances = whole.length > 0 ? whole : await this.#storage.findBalances({ siteId, wpUserId });
    const last = balances.at(-1);
    // Who filled the page was removed between the two reads: now others stand there.
    return last === undefined ? this.listBalances(page) : { balances, next: last.wpUserId };
  }

  /** The balances of one member, one a type of points. */
  async findBalances(siteId: number, wpUserId: number): Promise<Balance[]> {
    const balances = await this.#storage.findBalances({ siteId, wpUserId });
    if (balances.length === 0) {
      throw new SyncError(
        'BALANCE_NOT_FOUND',
        `Member ${wpUserId} has no balance here: sync the shop, or check the id.`,
      );
    }
    return balances;
  }

  /**
   * A storage that is away is waited for: no other job could do anything meanwhile either. A server that
   * stops leaves the job to the next process.
   */
  async #takeTurn(jobId: string, signal: AbortSignal): Promise<Processed> {
    try {
      return await this.#workOn(jobId, signal);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      if (error.code === 'SHUTTING_DOWN') return { job: undefined, again: false };
      if (!error.passing) throw error;
      await this.#watch.untilBack(signal);
      return { job: undefined, again: true };
    }
  }

  async #workOn(jobId: string, signal: AbortSignal): Promise<Processed> {
    const job = await this.#jobs.claim(jobId);
    if (job === undefined) return { job, again: false };
    const claim = { jobId, attempt: job.attempt };
    const until = this.#clock.now() + TURN_MS;
    let latest = job;
    let more = hasMore(job);
    try {
      while (more) {
        if (signal.aborted) {
          await this.#jobs.release(claim);
          return { job: latest, again: false };
        }
        if (this.#clock.now() >= until) return { job: latest, again: true };
        const step = await this.#step(latest);
        if (step === undefined) return { job: undefined, again: false };
        latest = step.job;
        more = step.more;
      }
      return { job: await this.#jobs.complete(claim), again: false };
    } catch (error) {
      await this.#jobs.recordFailure(latest, error);
      return { job: undefined, again: false };
    }
  }

  /** First the batches; then what a snapshot did not carry goes. */
  async #step(job: Job): Promise<JobStep | undefined> {
    if (job.processed === job.total) return this.#jobs.removeMissing(job);
    const next = await this.#jobs.applyNext({ jobId: job.jobId, attempt: job.attempt });
    return next && { job: next, more: hasMore(next) };
  }
}

function hasMore({ processed, total, mode }: Job): boolean {
  return processed < total || mode === 'snapshot';
}
