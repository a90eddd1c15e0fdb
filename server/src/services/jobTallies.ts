import type { JobTally, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';

/** However many ask, and however often, the storage is asked once in this time. */
const FRESH_MS = 5_000;
/** Who asks is answered within this time: a scrape is given up after some seconds, and all of it would be lost. */
const PATIENCE_MS = 2_000;

/** How long the oldest due job has waited, and how many jobs there are. */
export interface JobFigures extends Pick<JobTally, 'counts'> {
  queueAgeSeconds: number;
}

/** Counts jobs for those who watch over the server, so that their asking never becomes a load. */
export class JobTallies {
  readonly #storage: Storage;
  readonly #clock: Clock;
  #latest: { at: number; tally: Promise<JobTally | undefined> } | undefined;

  constructor({ storage, clock }: { storage: Storage; clock: Clock }) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** `undefined` while the storage is away or too busy to answer: old figures would hide that. */
  async read(): Promise<JobFigures | undefined> {
    const now = this.#clock.now();
    const fresh = this.#latest !== undefined && Math.abs(now - this.#latest.at) < FRESH_MS;
    if (!fresh) this.#latest = { at: now, tally: this.#count(now) };
    const tally = await soon(this.#latest?.tally);
    if (tally === undefined) return undefined;
    const { counts, oldestDueAt } = tally;
    return { counts, queueAgeSeconds: oldestDueAt === null ? 0 : Math.max(0, now - oldestDueAt) / 1000 };
  }

  /** Why the storage is away stands in the log: whoever works there says so. */
  #count(now: number): Promise<JobTally | undefined> {
    return this.#storage.tallyJobs({ now }).catch(() => undefined);
  }
}

async function soon<Value>(promise: Promise<Value> | undefined): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, PATIENCE_MS, undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
