import { type ErrorCode, SyncError } from '../domain/errors.ts';

const BUSY = 5;
const FULL = 13;

/** SQLite's primary result codes (sqlite.org/rescode.html) that are known to happen, and what a person can do. */
const KNOWN: Record<number, { code: ErrorCode; message: string }> = {
  [BUSY]: {
    code: 'STORAGE_BUSY',
    message: 'The database is locked by another program: end that program, or wait.',
  },
  6: { code: 'STORAGE_BUSY', message: 'A table of the database is locked: wait a moment.' },
  8: {
    code: 'STORAGE_READ_ONLY',
    message: 'The database file is read-only: give the server the right to write it.',
  },
  10: { code: 'STORAGE_UNAVAILABLE', message: 'The disk under the database failed: look at the disk.' },
  11: {
    code: 'STORAGE_DAMAGED',
    message: 'The database file is damaged: bring back your newest copy of it.',
  },
  [FULL]: { code: 'STORAGE_FULL', message: 'The disk under the database is full: make room on it.' },
  14: {
    code: 'STORAGE_UNAVAILABLE',
    message: 'The database file can’t be opened: check that its folder exists and may be written to.',
  },
  26: { code: 'STORAGE_DAMAGED', message: 'The file is no SQLite database: check DATABASE_URL.' },
};

/** For a disk that still takes a little, but no batch. */
export function diskFull(): SyncError {
  const { code, message } = KNOWN[FULL] as (typeof KNOWN)[number];
  return new SyncError(code, message);
}

/** Whether another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY;
}

/** Turns an error of SQLite into one of the catalogue; anything else stays what it is. */
export function asSyncError(error: unknown): unknown {
  const known = KNOWN[primaryCode(error) ?? -1];
  return known === undefined ? error : new SyncError(known.code, known.message, { cause: error });
}

/** The lowest byte of SQLite's extended result code; undefined for what is no error of SQLite. */
function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}
