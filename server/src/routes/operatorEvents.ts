import type { Request, Response } from 'express';
import { EventStream } from './eventStream.ts';
import type { OperatorParts } from './operator.ts';
import { sessionOf } from './operatorGuard.ts';
import { placedJobAsJson } from './operatorJobs.ts';

/** For browsers: how long to wait before coming again, when the stream breaks. */
const RETRY = 'retry: 1000\n\n';

/**
 * Every change of every job as server-sent events: `jobs` with the newest of those that changed, and `missed` when
 * the lists are to be read anew. Ends with the session.
 */
export function streamEvents(request: Request, response: Response, parts: OperatorParts): void {
  const { operatorFeed, operatorSignIn, stopping, watchers } = parts;
  const stream = new EventStream(response, watchers);
  if (request.method === 'HEAD') {
    stream.end();
    return;
  }
  const teller = new Teller(stream);
  teller.tell(RETRY + eventText('ready', {}));
  const stopListening = operatorFeed.listen({
    changed: (jobs) => teller.tell(eventText('jobs', { jobs: jobs.map(placedJobAsJson) })),
    missed: () => teller.missed(),
  });
  const end = () => stream.end();
  const session = sessionOf(operatorSignIn, request);
  const ending = session && setTimeout(end, session.expiresAt - Date.now());
  stopping.addEventListener('abort', end);
  response.once('close', () => {
    stopListening();
    clearTimeout(ending);
    stopping.removeEventListener('abort', end);
  });
}

/** Nothing heaps up for a reader who is slow: what comes while an event is on its way, it is told to read anew. */
class Teller {
  readonly #stream: EventStream;
  #busy = false;
  #behind = false;

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  tell(event: string): void {
    if (this.#busy) this.#behind = true;
    else void this.#send(event);
  }

  missed(): void {
    this.tell(eventText('missed', {}));
  }

  async #send(event: string): Promise<void> {
    this.#busy = true;
    await this.#stream.send(Buffer.from(event));
    this.#busy = false;
    if (!this.#behind) return;
    this.#behind = false;
    this.missed();
  }
}

function eventText(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
