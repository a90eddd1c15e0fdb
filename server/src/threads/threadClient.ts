import { Worker } from 'node:worker_threads';
import { SyncError } from '../domain/errors.ts';
import type { AnswerMessage, CallMessage } from './threadServer.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Threads make much that lives shortly; a small nursery keeps their memory flat and costs no time. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/** Calls the handlers of a worker thread, one message a call. */
export class ThreadClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | undefined;

  constructor({ file, data }: { file: URL; data: unknown }) {
    this.#worker = new Worker(file, { workerData: data, resourceLimits: LIMITS });
    this.#worker.on('message', (answer: AnswerMessage) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(error as Error));
    this.#worker.on('exit', () =>
      this.#end(new SyncError('SHUTTING_DOWN', 'The server is stopping: try again.')),
    );
  }

  /** What is in `handedOver` moves to the thread, uncopied: this thread has it no longer. */
  call(method: string, argument: unknown, handedOver: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, argument } satisfies CallMessage, handedOver);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle({ id, value, error }: AnswerMessage): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(revive(error));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}

function revive({ code, message, stack }: NonNullable<AnswerMessage['error']>): Error {
  if (code !== undefined) return new SyncError(code, message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
