import { AsyncLocalStorage } from 'node:async_hooks';
import { type DestinationStream, destination, pino } from 'pino';
import type { Log } from './domain/log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const currentRequest = new AsyncLocalStorage<{ requestId: string } | undefined>();

/** What `work` logs, also later, carries this id; null for work that goes on for itself, though a request may have set it off. */
export function withRequestId<Result>(requestId: string | null, work: () => Result): Result {
  return currentRequest.run(requestId === null ? undefined : { requestId }, work);
}

/** The only writer to standard output: one JSON line an event. */
export function createLog(level: LogLevel, stream: DestinationStream = destination(1)): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => ({ ...currentRequest.getStore() }),
    },
    stream,
  );
  return {
    debug: (event, details) => logger.debug(details ?? {}, event),
    info: (event, details) => logger.info(details ?? {}, event),
    warn: (event, details) => logger.warn(details ?? {}, event),
    error: (event, details) => logger.error(details ?? {}, event),
  };
}
