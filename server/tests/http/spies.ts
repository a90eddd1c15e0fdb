import { type Job, jobAsJson } from '../../src/domain/job.ts';
import type { Clock } from '../../src/services/clock.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { JobJson } from '../support/testServer.ts';

/** A clock that stands still until it is moved. */
export class TestClock implements Clock {
  #now: number;

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  move(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** Storage with some methods replaced; each replacement gets the real storage. */
export function withMethods(replace: (real: Storage) => Partial<Storage>): (real: Storage) => Storage {
  return (real) => ({ ...real, ...replace(real) });
}

/** Sees every version of every job that storage makes, as those who watch would see it. */
export class VersionSpy {
  readonly versions: JobJson[] = [];

  readonly wrapStorage = withMethods((real) => {
    const watched = [
      'accept',
      'claim',
      'applyNext',
      'complete',
      'postpone',
      'fail',
      'cancel',
      'retry',
    ] as const;
    return Object.fromEntries(watched.map((name) => [name, this.#watched(real[name] as JobMaker)]));
  });

  of(jobId: string): JobJson[] {
    return this.versions.filter((job) => job.jobId === jobId);
  }

  #watched(method: JobMaker): JobMaker {
    return async (argument) => {
      const job = await method(argument);
      if (job !== undefined) this.versions.push(jobAsJson(job) as JobJson);
      return job;
    };
  }
}

type JobMaker = (argument: never) => Promise<Job | undefined>;

/** Lets calls wait at a gate until it is opened. */
export class Gate {
  #open = Promise.withResolvers<void>();
  readonly #arrived = Promise.withResolvers<void>();

  /** Resolves when the first call has come to the gate. */
  get reached(): Promise<void> {
    return this.#arrived.promise;
  }

  open(): void {
    this.#open.resolve();
  }

  async pass(): Promise<void> {
    this.#arrived.resolve();
    await this.#open.promise;
  }
}
