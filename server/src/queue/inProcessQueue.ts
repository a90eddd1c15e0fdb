import { randomUUID } from 'node:crypto';
import type { Queue, TurnHandler } from './queue.ts';

/** The queue of a server that does everything in one process: one job at a time, in turns. */
export class InProcessQueue implements Queue {
  /** The holder of each job, in the order of their turns; a job stands in it once, however often it was sent. */
  readonly #line = new Map<string, string>();
  readonly #delays = new Set<NodeJS.Timeout>();
  readonly #stopping = new AbortController();
  readonly #onError: (error: unknown, jobId: string) => void;
  #handler: TurnHandler | undefined;
  #working: Promise<void> | undefined;

  constructor({ onError }: { onError: (error: unknown, jobId: string) => void }) {
    this.#onError = onError;
  }

  async send(jobId: string, { delayMs = 0 }: { delayMs?: number } = {}): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (delayMs === 0) {
      if (!this.#line.has(jobId)) this.#line.set(jobId, randomUUID());
      this.#wake();
      return;
    }
    const timer = setTimeout(() => {
      this.#delays.delete(timer);
      void this.send(jobId);
    }, delayMs);
    this.#delays.add(timer);
  }

  async work(handler: TurnHandler): Promise<void> {
    this.#handler = handler;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#delays) clearTimeout(timer);
    this.#delays.clear();
    this.#line.clear();
    await this.#working;
  }

  #wake(): void {
    if (this.#handler === undefined || this.#working !== undefined) return;
    const handler = this.#handler;
    // Not before this function has ended: what the first turn sends must find that it is working.
    const turns = Promise.resolve().then(() => this.#takeTurns(handler));
    this.#working = turns.finally(() => {
      this.#working = undefined;
      // Who was sent after the last look at the line and before this moment woke nobody.
      if (this.#line.size > 0) this.#wake();
    });
  }

  async #takeTurns(handler: TurnHandler): Promise<void> {
    for (const [jobId, holder] of this.#line) {
      // A Map gives what was added during the walk too, at its end: deleting and adding is the line.
      this.#line.delete(jobId);
      try {
        const wish = await handler({ jobId, holder, signal: this.#stopping.signal });
        // Also where the job was sent meanwhile: who comes next must come in the name of the holder.
        if (wish === 'again' && !this.#stopping.signal.aborted) this.#line.set(jobId, holder);
      } catch (error) {
        this.#onError(error, jobId);
      }
    }
  }
}
