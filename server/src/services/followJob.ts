import { hasEnded, type Job } from '../domain/job.ts';
import type { JobChanges, WatchedJob } from './jobChanges.ts';

export interface Following extends WatchedJob {
  /** Only versions above this one are given: what the watcher has already. */
  afterVersion?: number;
  /** Whether to go on behind the end of the job: a retry may make it run again. */
  pastEnd?: boolean;
  signal: AbortSignal;
}

/**
 * The stream of the versions of a job, one for all ways to watch: first the job as it is, then what changes. Versions
 * grow; who takes them slowly gets the newest one each time, so that no watcher ever has more than one waiting.
 * Ends behind the final state, and when `signal` is aborted.
 */
export async function* followJob(
  { changes, find }: { changes: JobChanges; find: () => Promise<Job> },
  { siteId, jobId, afterVersion = 0, pastEnd = false, signal }: Following,
): AsyncGenerator<Job> {
  const newest = new NewestJob(signal);
  // Before the row is read, so that no change falls between the two.
  const stopWatching = changes.watch({ siteId, jobId }, newest.see);
  try {
    newest.see(await find());
    while (true) {
      const job = await newest.next();
      if (job === undefined) return;
      if (job.version > afterVersion) yield job;
      if (hasEnded(job.status) && !pastEnd) return;
    }
  } finally {
    stopWatching();
    newest.stop();
  }
}

/** Keeps the newest version of a job until it is taken. */
class NewestJob {
  readonly #signal: AbortSignal;
  #version = 0;
  #job: Job | undefined;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort);
  }

  /** Changes may come late or twice: only a newer one counts. */
  readonly see = (job: Job): void => {
    if (job.version <= this.#version) return;
    this.#version = job.version;
    this.#job = job;
    this.#wake();
  };

  /** The newest version not taken yet, as soon as there is one; `undefined` when the signal is aborted. */
  async next(): Promise<Job | undefined> {
    if (this.#job === undefined && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#signal.aborted) return undefined;
    const job = this.#job;
    this.#job = undefined;
    return job;
  }

  stop(): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => this.#wake();
}
