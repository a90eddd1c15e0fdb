import { destination, pino } from 'pino';
import type { Log } from './domain/log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The only writer to standard output: one JSON line an event. */
export function createLog(level: LogLevel): Log {
  const logger = pino(
    { level, base: null, messageKey: 'event', timestamp: pino.stdTimeFunctions.isoTime },
    destination(1),
  );
  return {
    debug: (event, details) => logger.debug(details ?? {}, event),
    info: (event, details) => logger.info(details ?? {}, event),
    warn: (event, details) => logger.warn(details ?? {}, event),
    error: (event, details) => logger.error(details ?? {}, event),
  };
}
