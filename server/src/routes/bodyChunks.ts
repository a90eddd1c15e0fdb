import type { Request } from 'express';
import { SyncError } from '../domain/errors.ts';

/**
 * The chunks of a body as they come, one at a time: the sender is held back while one waits to be taken. They come by
 * events, as reading a stream joins those that wait in new memory; and without `events.on`, whose queues take 32 KB a
 * request.
 */
export class BodyChunks {
  readonly #request: Request;
  #waiting: Buffer | undefined;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(request: Request) {
    this.#request = request;
    request.on('data', this.#take);
    for (const event of ENDINGS) request.on(event, this.#end);
  }

  /** The next chunk, or undefined at the end. Rejects when none comes for `idleMs`, and when the connection broke. */
  async next(idleMs: number): Promise<Buffer | undefined> {
    if (this.#waiting === undefined && !this.#ended) {
      this.#request.resume();
      await this.#change(idleMs);
    }
    const chunk = this.#waiting;
    this.#waiting = undefined;
    if (chunk !== undefined) this.#request.resume();
    else if (!this.#request.complete) throw broken();
    return chunk;
  }

  /** What still comes is not kept. */
  stop(): void {
    this.#request.off('data', this.#take);
    for (const event of ENDINGS) this.#request.off(event, this.#end);
    // A failure that comes now has nobody to tell.
    this.#request.on('error', () => undefined);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#waiting = chunk;
    this.#request.pause();
    this.#wake();
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#wake();
  };

  #change(idleMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(stalled(`Nothing of the body came for ${seconds(idleMs)}`)),
      idleMs,
    );
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }
}

const ENDINGS = ['end', 'close', 'error'] as const;

function broken(): SyncError {
  return new SyncError('BODY_TRUNCATED', 'The connection broke before the body was whole: send it again.');
}

export function stalled(what: string): SyncError {
  return new SyncError('BODY_STALLED', `${what}: send it again, without pauses.`);
}

export function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}
