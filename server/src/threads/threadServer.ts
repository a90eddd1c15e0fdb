import { parentPort } from 'node:worker_threads';
import { type ErrorCode, SyncError } from '../domain/errors.ts';

export interface CallMessage {
  id: number;
  method: string;
  argument: unknown;
}

export interface AnswerMessage {
  id: number;
  value?: unknown;
  error?: { code?: ErrorCode; message: string; stack?: string | undefined };
}

/** An answer, and the buffers in it that move to the caller uncopied: the handler has them no longer. */
export class HandedOver {
  readonly value: unknown;
  readonly buffers: ArrayBuffer[];

  constructor(value: unknown, buffers: ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/**
 * Answers the calls of a `ThreadClient` in a worker thread, in the order they come where `handlers` are
 * synchronous. `asSyncError` may turn a driver's error into one of the catalogue; any other error goes over as it is.
 */
export function serveThread(
  handlers: Record<string, (argument: never) => unknown>,
  asSyncError: (error: unknown) => unknown = (error) => error,
): void {
  const port = parentPort;
  if (port === null) throw new Error('This file runs as a worker thread only.');
  port.on('message', async ({ id, method, argument }: CallMessage) => {
    try {
      const handler = handlers[method];
      if (handler === undefined) throw new TypeError(`The thread has no method ${method}.`);
      const result = handler(argument as never);
      const answer = result instanceof Promise ? await result : result;
      const { value, buffers } = answer instanceof HandedOver ? answer : new HandedOver(answer, []);
      port.postMessage({ id, value } satisfies AnswerMessage, buffers);
    } catch (error) {
      port.postMessage({ id, error: plainError(asSyncError(error)) } satisfies AnswerMessage);
    }
  });
}

function plainError(error: unknown): NonNullable<AnswerMessage['error']> {
  if (error instanceof SyncError) return { code: error.code, message: error.message };
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  return { message: String(error) };
}
