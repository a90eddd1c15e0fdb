import { SyncError } from '../domain/errors.ts';
import { type IdRange, rangesBehind } from '../domain/idRange.ts';
import type { Job } from '../domain/job.ts';
import type { Balance } from '../domain/pointsBalance.ts';
import type { Turn } from '../queue/queue.ts';
import type { ChecksumSum, JobStep, ListedRecord, RecordPage, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import type { IncomingJob, IntakeService } from './intakeService.ts';
import type { StorageWatch } from './storageWatch.ts';
import type { SyncJobService } from './syncJobService.ts';

/** Ranges that one answer of checksums may have: some 4 MB of JSON. */
const MAX_CHECKSUMS = 100_000;
/** Balances summed up, and ranges given, by one call of the storage: bounds how long other reads wait for it. */
const BALANCES_A_SUM = 50_000;
const RANGES_A_SUM = 5_000;
/** A job with no more left than this keeps its turn: to come back would take it longer than to end. */
const RECORDS_TO_END = 5_000;

interface ArtlyServiceParts {
  storage: Storage;
  jobs: SyncJobService;
  intake: IntakeService;
  clock: Clock;
  watch: StorageWatch;
  /** How long one job is worked on before the next one has its turn. */
  turnMs: number;
}

/** What was done: `job` is undefined where another process has it, `again` says that it wants another turn. */
export interface Processed {
  job: Job | undefined;
  again: boolean;
}

/** Records of all types, and above all points balances: how they are applied and read. */
export class ArtlyService {
  readonly #storage: Storage;
  readonly #jobs: SyncJobService;
  readonly #intake: IntakeService;
  readonly #clock: Clock;
  readonly #watch: StorageWatch;
  readonly #turnMs: number;

  constructor({ storage, jobs, intake, clock, watch, turnMs }: ArtlyServiceParts) {
    this.#storage = storage;
    this.#jobs = jobs;
    this.#intake = intake;
    this.#clock = clock;
    this.#watch = watch;
    this.#turnMs = turnMs;
  }

  /**
   * Applies balances, and what jobs of other types carry in the same way. With a `jobId`, the records of this job, for one turn in the name of `holder`, and each
   * batch is committed together with the progress of that job. With `incoming` instead, it stores them as a job of their own first
   * and resolves when that job has ended: there is no second way to apply a record.
   */
  async processPointsBalances(
    work: { signal: AbortSignal } & (Omit<Turn, 'signal'> | { incoming: IncomingJob }),
  ): Promise<Processed> {
    if ('jobId' in work) return this.#takeTurn(work);
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

  /** A page of the records of a type with a table. `next` is the `after` of the next page, or null. */
  async listRecords(
    page: RecordPage & { type: string },
  ): Promise<{ records: ListedRecord[]; next: number | null }> {
    const found = await this.#storage.listRecords({ ...page, limit: page.limit + 1 });
    const records = found.slice(0, page.limit);
    return { records, next: found.length > page.limit ? (records.at(-1)?.position ?? null) : null };
  }

  /**
   * Counts and sums of checksums of what stands in `ranges` (merged), one for each `size` of ids that is not empty, by
   * id. It is read piece by piece: each range as it stood at one moment, but not all of them at the same.
   */
  async sumChecksums({ ranges, ...part }: ChecksumQuery): Promise<Omit<ChecksumSum, 'to'>[]> {
    const limit = Math.min(RANGES_A_SUM, Math.ceil(BALANCES_A_SUM / part.size));
    const sums: Omit<ChecksumSum, 'to'>[] = [];
    let left = ranges;
    while (left.length > 0) {
      const found = await this.#storage.sumChecksums({ ...part, ranges: left, limit });
      for (const { from, count, sum } of found) {
        const last = sums.at(-1);
        if (last?.from !== from) sums.push({ from, count, sum });
        else Object.assign(last, { count: last.count + count, sum: last.sum + sum });
      }
      if (sums.length > MAX_CHECKSUMS) throw tooManyChecksums();
      left = found.length < limit ? [] : rangesBehind(left, found.at(-1)?.to ?? 0);
    }
    return sums;
  }

  /**
   * A storage that is away is waited for: no other job could do anything meanwhile either. A server that
   * stops leaves the job to the next process.
   */
  async #takeTurn(turn: Turn): Promise<Processed> {
    try {
      return await this.#workOn(turn);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      if (error.code === 'SHUTTING_DOWN') return { job: undefined, again: false };
      if (!error.passing) throw error;
      await this.#watch.untilBack(turn.signal);
      return { job: undefined, again: true };
    }
  }

  async #workOn({ jobId, holder, signal }: Turn): Promise<Processed> {
    const job = await this.#jobs.claim(jobId, holder);
    if (job === undefined) return { job, again: false };
    const claim = { jobId, attempt: job.attempt };
    const until = this.#clock.now() + this.#turnMs;
    let latest = job;
    let more = hasMore(job);
    try {
      while (more) {
        if (signal.aborted) {
          await this.#jobs.release(claim);
          return { job: latest, again: true };
        }
        if (this.#clock.now() >= until && !isNearlyDone(latest)) return { job: latest, again: true };
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
    const next = await this.#jobs.applyNext(job);
    return next && { job: next, more: hasMore(next) };
  }
}

export interface ChecksumQuery {
  siteId: number;
  pointsType: string | null;
  ranges: IdRange[];
  size: number;
}

function tooManyChecksums(): SyncError {
  const message = `size gives more than ${MAX_CHECKSUMS} ranges: take a larger one, or narrow with from and to.`;
  return new SyncError('INVALID_PARAMETER', message);
}

function isNearlyDone({ processed, total }: Job): boolean {
  return processed < total && total - processed <= RECORDS_TO_END;
}

function hasMore({ processed, total, mode }: Job): boolean {
  return processed < total || mode === 'snapshot';
}
