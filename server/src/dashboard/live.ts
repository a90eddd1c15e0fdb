import { get, type Job } from './api.ts';

const TRY_AGAIN_MS = 2_000;
/** A tab behind others gives its line up after this long: a browser has few of them for one server. */
const HIDDEN_MS = 10_000;

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
  #hiding: number | undefined;
  readonly #visibility = () => this.#visibilityChanged();

  constructor(listener: LiveListener) {
    this.#listener = listener;
  }

  start(): void {
    document.addEventListener('visibilitychange', this.#visibility);
    this.#connect();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#visibility);
    window.clearTimeout(this.#hiding);
    this.#disconnect();
  }

  #visibilityChanged(): void {
    window.clearTimeout(this.#hiding);
    if (document.visibilityState === 'hidden') {
      this.#hiding = window.setTimeout(() => this.#disconnect(), HIDDEN_MS);
    } else if (this.#source === undefined) {
      this.#connect();
    }
  }

  #connect(): void {
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

  #disconnect(): void {
    this.#source?.close();
    this.#source = undefined;
    window.clearTimeout(this.#again);
  }

  async #lookWhy(): Promise<void> {
    const session = await get<{ signedIn: boolean }>('/operator/session').catch(() => undefined);
    // It was given up meanwhile.
    if (this.#source === undefined) return;
    if (session?.signedIn === false) return this.#listener.signedOut();
    this.#again = window.setTimeout(() => this.#connect(), TRY_AGAIN_MS);
  }
}
