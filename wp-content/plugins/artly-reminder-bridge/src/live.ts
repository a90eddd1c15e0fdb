/**
 * The live connection of the sync page: a stream of events from the Artly Sync server itself.
 *
 * A classic script that runs before admin.ts, for WordPress 6.1 knows no script modules.
 */

/** A job as the server's events bring it; docs/api.md has all of its fields. */
interface ArtlyLiveJob {
  jobId: string;
  status: string;
  processed: number;
  total: number;
  inserted: number;
  updated: number;
  rejected: number;
  progress: number;
  stepMessage: string;
  version: number;
}

interface ArtlyLiveParts {
  /** Gives an address for one use within a minute, or null where there is none. May fail. */
  askAddress: (jobId: string) => Promise<string | null>;
  onJob: (job: ArtlyLiveJob) => void;
  /** From now on nothing comes, until a later try succeeds. */
  onCut: () => void;
}

const ARTLY_LIVE = {
  /** Where this many in a row have led to nothing steady, no more are made for a job. */
  mostTries: 3,
  steadyMs: 10_000,
  /** A stream that has been silent for so long while the job changed is a dead one, whatever the browser believes. */
  deafMs: 10_000,
};

/**
 * Hears of one job for as long as it is followed. Not every browser can reach the server: whoever uses this asks the
 * site now and then while `isLive` is false, and says with `follow` how the job stands. That is also when a next try is
 * made, so that a site or server that is away is not asked any more often for this.
 */
// biome-ignore lint/correctness/noUnusedVariables: admin.ts uses it, by the scope that classic scripts share.
class ArtlyLiveConnection {
  readonly #parts: ArtlyLiveParts;
  #jobId = '';
  #events: EventSource | undefined;
  #isOpening = false;
  #tries = 0;
  /** 0 until the stream has brought something: a proxy that holds back what it gets lets a browser open it all the same. */
  #liveSince = 0;
  #heardAt = 0;
  #heardVersion = 0;

  constructor(parts: ArtlyLiveParts) {
    this.#parts = parts;
  }

  get isLive(): boolean {
    return this.#liveSince > 0;
  }

  follow({ jobId, version }: { jobId: string; version: number }): void {
    if (jobId !== this.#jobId) {
      this.stop();
      this.#jobId = jobId;
      this.#tries = 0;
    }
    const isSilent = this.isLive && Date.now() - this.#heardAt > ARTLY_LIVE.deafMs;
    if (isSilent && version > this.#heardVersion) this.#drop();
    const mayTry = this.#tries < ARTLY_LIVE.mostTries;
    if (this.#events === undefined && !this.#isOpening && mayTry) void this.#open();
  }

  stop(): void {
    this.#jobId = '';
    this.#close();
  }

  async #open(): Promise<void> {
    const jobId = this.#jobId;
    this.#isOpening = true;
    this.#tries += 1;
    try {
      const address = await this.#parts.askAddress(jobId);
      if (address !== null && jobId === this.#jobId) this.#listen(new URL(address));
    } catch {
      // The site did not answer, which whoever asks it how the job stands is told too, or the browser forbids the
      // connection. Either way this try has led to nothing.
    } finally {
      this.#isOpening = false;
    }
  }

  #listen(address: URL): void {
    if (!this.#canBeReached(address)) {
      this.#tries = ARTLY_LIVE.mostTries;
      return;
    }
    // No version goes along: the first event then comes at once, and proves that events get through.
    const events = new EventSource(address);
    this.#events = events;
    events.addEventListener('message', ({ data }) => this.#hear(JSON.parse(data)));
    events.addEventListener('error', () => {
      // The browser would come again by itself, but with a ticket that is used up.
      if (events === this.#events) this.#drop();
    });
  }

  /** Browsers forbid plain HTTP from a page on HTTPS; and "this machine" of the shop is another one than the browser's. */
  #canBeReached({ protocol, hostname }: URL): boolean {
    const isThisMachine = (name: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(name);
    const { location } = window;
    if (isThisMachine(hostname)) return isThisMachine(location.hostname);
    return location.protocol === 'http:' || protocol === 'https:';
  }

  #hear(job: ArtlyLiveJob): void {
    this.#heardAt = Date.now();
    this.#heardVersion = job.version;
    if (!this.isLive) this.#liveSince = this.#heardAt;
    this.#parts.onJob(job);
  }

  #drop(): void {
    if (this.isLive && Date.now() - this.#liveSince > ARTLY_LIVE.steadyMs) this.#tries = 0;
    this.#close();
    this.#parts.onCut();
  }

  #close(): void {
    this.#events?.close();
    this.#events = undefined;
    this.#liveSince = 0;
  }
}
