import type { Response } from 'express';

const SIGN_OF_LIFE = ': still here\n\n';
/** A reader that takes nothing for so many signs of life is given up: it may come again. */
const SIGNS_MISSED = 4;

/**
 * Server-sent events on a response. One at a time is on its way: `send` resolves when the network has taken it, so a
 * reader that is slow, or reads nothing, never makes the server keep more for it.
 */
export class EventStream {
  readonly #response: Response;
  readonly #signs: NodeJS.Timeout;
  #sent: () => void = () => undefined;
  #onTheWay = 0;
  #missed = 0;

  constructor(response: Response, { heartbeatMs }: { heartbeatMs: number }) {
    this.#response = response;
    response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      // Proxies that pack or gather would hold events back.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      // Else a server that stops would wait for connections on which nothing comes any more.
      connection: 'close',
    });
    response.flushHeaders();
    this.#signs = setInterval(() => this.#beat(), heartbeatMs);
    response.once('close', () => {
      clearInterval(this.#signs);
      this.#sent();
    });
  }

  send(event: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#sent = resolve;
      this.#write(event, resolve);
    });
  }

  /** Ends the stream, with a last hint where there is one: after how long the client is to come again. */
  end({ comeAgainMs }: { comeAgainMs?: number } = {}): void {
    this.#response.end(comeAgainMs === undefined ? '' : `retry: ${comeAgainMs}\n\n`);
  }

  #write(bytes: Buffer | string, taken: () => void = () => undefined): void {
    if (this.#response.closed || this.#response.writableEnded) {
      taken();
      return;
    }
    this.#onTheWay += 1;
    this.#response.write(bytes, () => {
      this.#onTheWay -= 1;
      this.#missed = 0;
      taken();
    });
  }

  #beat(): void {
    if (this.#onTheWay === 0) this.#write(SIGN_OF_LIFE);
    else this.#missed += 1;
    if (this.#missed === SIGNS_MISSED) this.#response.destroy();
  }
}
