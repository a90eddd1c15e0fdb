import { get, type Job } from './api.ts';

const TRY_AGAIN_MS = 2_000;

export interface LiveListener {
  jobs(jobs: Job[]): void;
  /** Changes may have been missed: read anew. */
  missed(): void;
  connected(connected: boolean): void;
  /** The session is over. */
  signedOut(): void;
}

/** Every change of every job, as long as the page is open. A broken line is taken up again, and says so. */
export class Live {
  readonly #listener: LiveListener;
  #source: EventSource | undefined;
  #again: number | undefined;
  #wasReady = false;

  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  start(): void {
    const source = new EventSource('/operator/events');
    this.#source = source;
    source.addEventListener('ready', () => {
      this.#listener.connected(true);
      // What happened while the line was broken was told to nobody.
      if (this.#wasReady) this.#listener.missed();
      this.#wasReady = true;
    });
    source.addEventListener('jobs', (event) => this.#listener.jobs(JSON.parse(event.data).jobs));
    source.addEventListener('missed', () => this.#listener.missed());
    source.addEventListener('error', () => {
      this.#listener.connected(false);
      // An EventSource tries again by itself, but not after an answer that is none.
      if (source.readyState === EventSource.CLOSED) void this.#lookWhy();
    });
  }

  stop(): void {
    this.#source?.close();
    window.clearTimeout(this.#again);
  }

  async #lookWhy(): Promise<void> {
    const session = await get<{ signedIn: boolean }>('/operator/session').catch(() => undefined);
    if (session?.signedIn === false) return this.#listener.signedOut();
    this.#again = window.setTimeout(() => this.start(), TRY_AGAIN_MS);
  }
}
