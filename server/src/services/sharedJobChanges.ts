import type { Job } from '../domain/job.ts';
import type { Notices } from '../notices/notices.ts';
import type { Storage } from '../storage/storage.ts';
import { type AllJobsWatcher, type JobChanges, LocalJobChanges, type WatchedJob } from './jobChanges.ts';
import { pause } from './pause.ts';

const TOPIC = 'job';
const ROUND_MS = 1_000;
/** The net below the notes: a process may die between its commit and its note. */
const LOOK_EVERY_MS = 10_000;
/** Rows that are read at once after a gap. */
const READS_AT_ONCE = 4;

interface Watched extends WatchedJob {
  watchers: number;
  /** The newest version that the watchers were told. */
  version: number;
  /** When the row was last known, by the clock of this process. */
  knownAt: number;
  reading: boolean;
  /** Whether the row may be newer than what is known. */
  stale: boolean;
}

/**
 * Job changes across processes: a note says which job has which version, and who watches it reads its row. All that
 * is watched is read after a gap, every second while no notes come in, and after some silence.
 */
export class SharedJobChanges implements JobChanges {
  readonly #local = new LocalJobChanges();
  readonly #watched = new Map<string, Watched>();
  readonly #watchers = new Set<AllJobsWatcher>();
  readonly #stopping = new AbortController();
  readonly #notices: Notices;
  readonly #storage: Storage;
  #rounds: Promise<void> = Promise.resolve();

  constructor({ notices, storage }: { notices: Notices; storage: Storage }) {
    this.#notices = notices;
    this.#storage = storage;
    notices.on(TOPIC, (text) => this.#noted(JSON.parse(text)));
    notices.onGap(() => {
      for (const watched of this.#watched.values()) watched.stale = true;
      for (const watcher of this.#watchers) watcher.missed();
      void this.#readStale();
    });
  }

  start(): void {
    this.#rounds = this.#repeat();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#rounds;
  }

  publish(job: Job): void {
    const { jobId, version } = job;
    this.#tell(job);
    for (const watcher of this.#watchers) watcher.changed(jobId);
    this.#notices.send({ topic: TOPIC, key: jobId, text: JSON.stringify({ jobId, version }) });
  }

  watch({ siteId, jobId }: WatchedJob, listener: (job: Job) => void): () => void {
    const watched = this.#watched.get(jobId) ?? {
      siteId,
      jobId,
      watchers: 0,
      version: 0,
      knownAt: Date.now(),
      reading: false,
      stale: false,
    };
    watched.watchers += 1;
    this.#watched.set(jobId, watched);
    const forget = this.#local.watch({ siteId, jobId }, listener);
    return () => {
      forget();
      watched.watchers -= 1;
      if (watched.watchers === 0) this.#watched.delete(jobId);
    };
  }

  /** The watcher reads what it shows: so a note needs no row to be passed on. */
  watchAll(watcher: AllJobsWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(job: Job): void {
    const watched = this.#watched.get(job.jobId);
    if (watched === undefined) return;
    watched.knownAt = Date.now();
    watched.version = Math.max(watched.version, job.version);
    this.#local.publish(job);
  }

  #noted({ jobId, version }: { jobId: string; version: number }): void {
    for (const watcher of this.#watchers) watcher.changed(jobId);
    const watched = this.#watched.get(jobId);
    if (watched === undefined || version <= watched.version) return;
    watched.stale = true;
    void this.#read(watched);
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const silentSince = Date.now() - LOOK_EVERY_MS;
      for (const watched of this.#watched.values()) {
        watched.stale ||= this.#notices.deaf || watched.knownAt < silentSince;
      }
      if (this.#notices.deaf) for (const watcher of this.#watchers) watcher.missed();
      await this.#readStale();
      await pause(ROUND_MS, signal);
    }
  }

  async #readStale(): Promise<void> {
    const stale = [...this.#watched.values()].filter((watched) => watched.stale).values();
    const reader = async () => {
      for (const watched of stale) await this.#read(watched);
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, reader));
  }

  /** Reads the row until nothing newer was noted meanwhile. What can't be read stays for the next round. */
  async #read(watched: Watched): Promise<void> {
    if (watched.reading) return;
    watched.reading = true;
    const { siteId, jobId } = watched;
    try {
      while (watched.stale && watched.watchers > 0) {
        watched.stale = false;
        const job = await this.#storage.findJob({ siteId, jobId });
        watched.knownAt = Date.now();
        if (job !== undefined && job.version > watched.version) this.#tell(job);
      }
    } catch {
      watched.stale = true;
    } finally {
      watched.reading = false;
    }
  }
}
