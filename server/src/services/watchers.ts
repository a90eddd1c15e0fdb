import { SyncError } from '../domain/errors.ts';

/** The ways to watch a job without asking again and again. */
export type WatchKind = 'events' | 'socket' | 'poll';

interface WatcherOptions {
  siteId: number;
  kind: WatchKind;
}

/** Connections that stay open to watch jobs. The one place that knows how many there are, bounds them and ends them. */
export class Watchers {
  /** How often a sign of life is sent, in milliseconds. */
  readonly heartbeatMs: number;
  readonly #maxPerSite: number;
  readonly #open = new Set<Watcher>();
  readonly #bySite = new Map<number, number>();
  #stopped = false;

  constructor({ maxPerSite, heartbeatMs = 15_000 }: { maxPerSite: number; heartbeatMs?: number }) {
    this.#maxPerSite = maxPerSite;
    this.heartbeatMs = heartbeatMs;
  }

  /** How many are open now, by kind. */
  get open(): Record<WatchKind, number> {
    const counts = { events: 0, socket: 0, poll: 0 };
    for (const { kind } of this.#open) counts[kind] += 1;
    return counts;
  }

  /** Lets one more in; it must leave when its connection is gone. */
  enter({ siteId, kind }: WatcherOptions): Watcher {
    if (this.#stopped) throw new SyncError('SHUTTING_DOWN', 'The server is stopping: ask again in a moment.');
    const before = this.#bySite.get(siteId) ?? 0;
    if (before >= this.#maxPerSite) {
      const message = `The site has ${before} live connections, and may have no more: close some, watch many jobs on one socket, or raise ARTLY_MAX_WATCHERS.`;
      throw new SyncError('TOO_MANY_WATCHERS', message);
    }
    this.#bySite.set(siteId, before + 1);
    const watcher = new Watcher(kind, () => this.#left(watcher, siteId));
    this.#open.add(watcher);
    return watcher;
  }

  /** The server stops: all are to end, and none comes in any more. */
  stop(): void {
    this.#stopped = true;
    for (const watcher of this.#open) watcher.stop();
  }

  #left(watcher: Watcher, siteId: number): void {
    if (!this.#open.delete(watcher)) return;
    const left = (this.#bySite.get(siteId) ?? 0) - 1;
    if (left > 0) this.#bySite.set(siteId, left);
    else this.#bySite.delete(siteId);
  }
}

/** One connection that watches. */
export class Watcher {
  readonly kind: WatchKind;
  readonly #left: () => void;
  readonly #ending = new AbortController();
  #stopped = false;

  constructor(kind: WatchKind, left: () => void) {
    this.kind = kind;
    this.#left = left;
  }

  /** Aborted when it has left, or when the server stops. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether it ended because the server stops. */
  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    this.#ending.abort();
  }

  leave(): void {
    this.#left();
    this.#ending.abort();
  }
}
