import type { Request, Response } from 'express';
import type { OperatorParts } from './operator.ts';
import { sessionOf } from './operatorGuard.ts';
import { placedJobAsJson } from './operatorJobs.ts';

const SIGN_OF_LIFE_MS = 15_000;
/** A reader who is this far behind is told to read anew, once it goes on reading: nothing heaps up for it. */
const MOST_UNREAD_BYTES = 512 * 1024;

/**
 * Every change of every job as server-sent events: `jobs` with the newest of those that changed, and `missed` when
 * the lists are to be read anew. Ends with the session.
 */
export function streamEvents(request: Request, response: Response, parts: OperatorParts): void {
  const { operatorFeed, operatorSignIn, stopping } = parts;
  response.set({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const stream = new EventStream(response);
  stream.send('ready', {});
  const stopListening = operatorFeed.listen({
    changed: (jobs) => stream.send('jobs', { jobs: jobs.map(placedJobAsJson) }),
    missed: () => stream.send('missed', {}),
  });
  const alive = setInterval(() => stream.comment('alive'), SIGN_OF_LIFE_MS);
  const session = sessionOf(operatorSignIn, request);
  const end = () => response.end();
  const ending = session && setTimeout(end, session.expiresAt - Date.now());
  stopping.addEventListener('abort', end);
  response.on('close', () => {
    stopListening();
    clearInterval(alive);
    clearTimeout(ending);
    stopping.removeEventListener('abort', end);
  });
}

class EventStream {
  readonly #response: Response;
  #behind = false;

  constructor(response: Response) {
    this.#response = response;
    response.on('drain', () => this.#caughtUp());
    response.write('retry: 1000\n\n');
  }

  send(event: string, data: object): void {
    if (this.#behind) return;
    if (this.#response.writableLength > MOST_UNREAD_BYTES) {
      this.#behind = true;
      return;
    }
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  comment(text: string): void {
    if (!this.#behind) this.#response.write(`: ${text}\n\n`);
  }

  #caughtUp(): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.send('missed', {});
  }
}
