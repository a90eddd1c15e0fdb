import type { WebSocket } from 'ws';
import { SyncError } from '../domain/errors.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import type { Watcher } from '../services/watchers.ts';
import { jobMessage } from './jobText.ts';
import { type LiveAccess, requireTicketFor } from './liveAccess.ts';
import { readLiveMessage } from './readLiveMessage.ts';

/** Jobs that one socket may watch. */
const MAX_JOBS = 100;
/** A client that asks on and reads nothing is cut off when so much waits for it. */
const MAX_WAITING_BYTES = 256 * 1024;
/** The close code for "the server restarts: come again". */
const RESTART = 1012;
/** How long the client may take to answer that. */
const GOODBYE_MS = 2_000;

export interface LiveSocketParts {
  socket: WebSocket;
  access: LiveAccess;
  watcher: Watcher;
  jobs: SyncJobService;
  heartbeatMs: number;
  /** Hears of what went wrong; what is given is what the client may know. */
  failed: (error: unknown) => SyncError;
}

/** One WebSocket: it watches the jobs that its client names. */
export class LiveSocket {
  readonly #parts: LiveSocketParts;
  readonly #watches = new Map<string, AbortController>();
  /** Streams that have not ended yet, also of jobs that are no longer watched. */
  #streams = 0;
  #alive = true;

  constructor(parts: LiveSocketParts) {
    this.#parts = parts;
    const { socket, watcher, heartbeatMs } = parts;
    const signs = setInterval(() => this.#beat(), heartbeatMs);
    socket.on('message', (data, isBinary) => this.#take(isBinary ? undefined : String(data)));
    socket.on('pong', () => {
      this.#alive = true;
    });
    // The library closes the socket after an error, such as a message that is too long.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearInterval(signs);
      watcher.leave();
    });
    watcher.signal.addEventListener('abort', () => this.#end());
  }

  /** The client has left, or the server stops: then the client says goodbye in time, or is cut off. */
  #end(): void {
    for (const watch of this.#watches.values()) watch.abort();
    const { socket, watcher } = this.#parts;
    if (!watcher.stopped) return;
    socket.close(RESTART, 'The server stops: come again.');
    const cut = setTimeout(() => socket.terminate(), GOODBYE_MS);
    socket.once('close', () => clearTimeout(cut));
  }

  #take(text: string | undefined): void {
    const { socket, failed } = this.#parts;
    if (socket.bufferedAmount > MAX_WAITING_BYTES) {
      socket.terminate();
      return;
    }
    let jobId: string | undefined;
    try {
      const message = readLiveMessage(text);
      jobId = message.jobId;
      if (message.wish === 'watch') this.#watch(message);
      else this.#unwatch(jobId);
    } catch (error) {
      void this.#tell(failed(error), jobId);
    }
  }

  #watch({ jobId, afterVersion }: { jobId: string; afterVersion: number }): void {
    requireTicketFor(this.#parts.access, jobId);
    this.#unwatch(jobId);
    if (this.#streams >= MAX_JOBS) {
      const message = `This socket watches ${MAX_JOBS} jobs, which is all it may: unwatch some, or open another.`;
      throw new SyncError('TOO_MANY_WATCHERS', message);
    }
    const watch = new AbortController();
    this.#watches.set(jobId, watch);
    void this.#follow({ jobId, afterVersion, watch });
  }

  #unwatch(jobId: string): void {
    this.#watches.get(jobId)?.abort();
    this.#watches.delete(jobId);
  }

  async #follow({ jobId, afterVersion, watch }: Watch): Promise<void> {
    const { jobs, access, failed } = this.#parts;
    const { siteId } = access;
    const { signal } = watch;
    this.#streams += 1;
    try {
      let sent = false;
      for await (const job of jobs.follow({ siteId, jobId, afterVersion, signal })) {
        await this.#send(jobMessage(job));
        sent = true;
      }
      // Whoever has the final version already would wait for ever.
      if (!sent && !signal.aborted) await this.#send(JSON.stringify({ ended: jobId }));
    } catch (error) {
      await this.#tell(failed(error), jobId);
    } finally {
      this.#streams -= 1;
      if (this.#watches.get(jobId) === watch) this.#watches.delete(jobId);
    }
  }

  /** Says what went wrong, and of which job. The socket stays open. */
  #tell({ code, message }: SyncError, jobId: string | undefined): Promise<void> {
    return this.#send(JSON.stringify({ error: code, message, jobId }));
  }

  /** Resolves when the network has taken it, or the socket is gone: until then, a stream keeps only the newest. */
  #send(message: Buffer | string): Promise<void> {
    return new Promise((resolve) => this.#parts.socket.send(message, { binary: false }, () => resolve()));
  }

  /** A client that has not answered the ping before is gone. */
  #beat(): void {
    const { socket } = this.#parts;
    if (this.#alive) socket.ping();
    else socket.terminate();
    this.#alive = false;
  }
}

interface Watch {
  jobId: string;
  afterVersion: number;
  watch: AbortController;
}
