import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SyncError } from '../domain/errors.ts';
import type { AnswerMessage, CallMessage } from './threadServer.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

interface ThreadClientParts {
  file: URL;
  data: unknown;
  /** How errors call it. */
  name?: string;
}

/** Threads make much that lives shortly; a small nursery keeps their memory flat and costs no time. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/** A thread ended without being asked to. What it held in memory is gone, so nobody starts another. */
class ThreadDied extends Error {
  constructor(thread: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.stack : cause;
    super(`The thread ${thread} died: ${reason}`, { cause });
  }
}

/**
 * Calls the handlers of a worker thread, one message a call. When the thread dies, that is thrown where nobody can
 * catch it: the process can't do its work any more and has to end.
 */
export class ThreadClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #name: string;
  #nextId = 1;
  #ended: Error | undefined;

  constructor({ file, data, name = basename(file.pathname, '.ts') }: ThreadClientParts) {
    this.#name = name;
    this.#worker = new Worker(file, { name, workerData: data, resourceLimits: LIMITS });
    this.#worker.on('message', (answer: AnswerMessage) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', (code) => this.#die(`It ended with exit code ${code}.`));
  }

  /** Whether calls can still be answered. */
  get alive(): boolean {
    return this.#ended === undefined;
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
    this.#end();
    await this.#worker.terminate();
  }

  #settle({ id, value, error }: AnswerMessage): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(revive(error));
  }

  #die(cause: unknown): void {
    if (!this.alive) return;
    this.#end(cause);
    queueMicrotask(() => {
      throw new ThreadDied(this.#name, cause);
    });
  }

  /** Calls are refused as by a server that stops: without its thread, it does. */
  #end(cause?: unknown): void {
    this.#ended ??= new SyncError('SHUTTING_DOWN', 'The server is stopping: try again.', { cause });
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
