import { SyncError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import type { Queue } from '../queue/queue.ts';
import type { Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';
import { IDEMPOTENCY_MS } from './intakeService.ts';
import { pause } from './pause.ts';
import type { StorageWatch } from './storageWatch.ts';
import type { SyncJobService } from './syncJobService.ts';
import type { UploadDiscard } from './uploadDiscard.ts';

const SWEEP_EVERY_MS = 2_000;
const CLEAN_EVERY_MS = 60_000;
const JOBS_A_SWEEP = 500;
const ROWS_A_SLICE = 50;
/** Between two slices of cleaning, so that it never crowds out the work. */
const BREATH_MS = 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface SweepParts {
  storage: Storage;
  queue: Queue;
  jobs: SyncJobService;
  uploads: UploadDiscard;
  watch: StorageWatch;
  clock: Clock;
  log: Log;
  retentionDays: number;
}

/**
 * Finds what no message brought: jobs that nobody woke, jobs whose worker is gone, and what is old enough to go.
 * Safe in any number of processes.
 */
export class Sweep {
  readonly #parts: SweepParts;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** Everything, or only what no other process can do: a process without a worker leaves the jobs to those with one. */
  start({ ownOnly = false }: { ownOnly?: boolean } = {}): void {
    const own = [() => this.#repeat(SWEEP_EVERY_MS, () => this.#parts.uploads.discardLeft())];
    const shared = [
      () => this.#repeat(SWEEP_EVERY_MS, () => this.wakeDueJobs()),
      () => this.#repeat(CLEAN_EVERY_MS, () => this.dropOld()),
    ];
    const rounds = ownOnly ? own : [...own, ...shared];
    this.#running = Promise.all(rounds.map((round) => round())).then(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async wakeDueJobs(): Promise<void> {
    const { storage, queue, clock } = this.#parts;
    for (const jobId of await storage.listDue({ now: clock.now(), limit: JOBS_A_SWEEP }))
      await queue.send(jobId);
  }

  /**
   * A job in parts is given up after a day of silence, and so is an upload whose process is gone. Records go an hour after the end of their job, the job itself
   * after the days of the history.
   */
  async dropOld(): Promise<void> {
    const { storage, jobs, clock, retentionDays } = this.#parts;
    const now = clock.now();
    const slices = [
      () => jobs.abandon(now - DAY_MS, ROWS_A_SLICE),
      () => storage.dropStaleUploads({ untouchedSince: now - DAY_MS, limit: ROWS_A_SLICE }),
      () => storage.dropRecords({ endedBefore: now - HOUR_MS, limit: ROWS_A_SLICE }),
      () => storage.dropJobs({ endedBefore: now - retentionDays * DAY_MS, limit: ROWS_A_SLICE }),
      () => storage.dropTickets({ expiredBefore: now, limit: ROWS_A_SLICE }),
      () => storage.dropIdempotencyKeys({ createdBefore: now - IDEMPOTENCY_MS, limit: ROWS_A_SLICE }),
    ];
    for (const slice of slices) {
      while ((await slice()) && !this.#stopping.signal.aborted) await pause(BREATH_MS, this.#stopping.signal);
    }
  }

  async #repeat(everyMs: number, round: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await round();
      } catch (error) {
        // The next round tries again: a sweep must outlive a database that is away for a while, which has its own
        // line in the log.
        const passing = error instanceof SyncError && error.passing;
        const away = passing && (await this.#parts.watch.whyAway()) !== undefined;
        if (!away) this.#parts.log.error('sweep.failed', { cause: String(error) });
      }
      await pause(everyMs, this.#stopping.signal);
    }
  }
}
