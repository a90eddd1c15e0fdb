import type { PlacedJob, Storage } from '../storage/storage.ts';
import type { JobChanges } from './jobChanges.ts';

/** Between two looks at what changed: a page can't show more, and many small changes cost one look. */
const LOOK_EVERY_MS = 200;
/** Jobs that are read at once. Where more have changed, the list is better read anew. */
const MOST_AT_ONCE = 200;
const TRY_AGAIN_MS = 1_000;

export interface FeedListener {
  /** The newest of each job that changed. */
  changed(jobs: PlacedJob[]): void;
  /** More may have changed than was told: whoever shows jobs reads them anew. */
  missed(): void;
}

/**
 * Every change of every job of all sites, for dashboards that are open. Changes only wake it; what it tells are rows as
 * they stand, at most every 200 ms. While nobody listens, it reads nothing.
 */
export class OperatorFeed {
  readonly #storage: Storage;
  readonly #changes: JobChanges;
  readonly #listeners = new Set<FeedListener>();
  readonly #changed = new Set<string>();
  #stopWatching: (() => void) | undefined;
  #lookedAt = 0;
  #next: NodeJS.Timeout | undefined;
  #looking = false;
  #tooMany = false;

  constructor({ storage, changes }: { storage: Storage; changes: JobChanges }) {
    this.#storage = storage;
    this.#changes = changes;
  }

  /** Tells `listener` of what changes from now on, until the function it gives is called. */
  listen(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    this.#stopWatching ??= this.#changes.watchAll({
      changed: (jobId) => this.#note(jobId),
      missed: () => this.#missed(),
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stopWatching?.();
      this.#stopWatching = undefined;
      clearTimeout(this.#next);
      this.#next = undefined;
      this.#changed.clear();
    };
  }

  #note(jobId: string): void {
    if (this.#changed.size < MOST_AT_ONCE) this.#changed.add(jobId);
    else if (!this.#changed.has(jobId)) this.#tooMany = true;
    this.#lookIn(this.#lookedAt + LOOK_EVERY_MS - Date.now());
  }

  #missed(): void {
    this.#changed.clear();
    this.#tooMany = false;
    for (const listener of this.#listeners) listener.missed();
  }

  #lookIn(milliseconds: number): void {
    if (this.#looking) return;
    this.#next ??= setTimeout(
      () => {
        this.#next = undefined;
        void this.#look();
      },
      Math.max(0, milliseconds),
    );
  }

  async #look(): Promise<void> {
    this.#lookedAt = Date.now();
    if (this.#tooMany) this.#missed();
    const jobIds = [...this.#changed];
    this.#changed.clear();
    if (jobIds.length === 0) return;
    this.#looking = true;
    let pauseMs = LOOK_EVERY_MS;
    try {
      const jobs = await this.#storage.findPlacedJobs({ jobIds });
      for (const listener of this.#listeners) listener.changed(jobs);
    } catch {
      // The storage is away, which has its own line in the log: what was to be read stays.
      for (const jobId of jobIds) this.#changed.add(jobId);
      pauseMs = TRY_AGAIN_MS;
    } finally {
      this.#looking = false;
    }
    if (this.#changed.size > 0 && this.#listeners.size > 0) this.#lookIn(pauseMs);
  }
}
