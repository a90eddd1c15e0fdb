import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SyncError } from '../domain/errors.ts';
import { ThreadClient } from '../threads/threadClient.ts';
import { migrateSqlite } from './migrate.ts';
import { MEMORY, SqliteDatabase } from './sqliteDatabase.ts';
import { asSyncError } from './sqliteErrors.ts';
import { DISCARD_UPLOADS } from './sqliteJobRow.ts';
import { SqliteLock } from './sqliteLock.ts';
import { METHODS, READS } from './sqliteMethods.ts';
import type { OpenStorage, Storage } from './storage.ts';

const THREAD = new URL('./sqliteThread.ts', import.meta.url);

/**
 * Opens storage in a SQLite file, made where there is none, for one server: a second one is refused. Writes
 * have a thread of their own and reads another, so that neither waits for the other, nor a request for them.
 */
export function openSqliteStorage({ path }: { path: string }): OpenStorage {
  if (path === MEMORY) return openInMemory();
  makeFolder(path);
  const lock = withSyncErrors(() => new SqliteLock(path));
  try {
    withSyncErrors(() => prepareFile(path, { exclusive: true }));
  } catch (error) {
    lock.release();
    throw error;
  }
  const writer = new ThreadClient({ name: 'writer', file: THREAD, data: { path, readOnly: false } });
  const reader = new ThreadClient({ name: 'reader', file: THREAD, data: { path, readOnly: true } });
  return {
    storage: portOver((name) => (READS.has(name) ? reader : writer)),
    close: async () => {
      // The writer goes last: the last connection writes the WAL back into the file, and only a writer can.
      try {
        for (const thread of [reader, writer]) if (thread.alive) await thread.call('close', null);
      } finally {
        await Promise.all([reader.close(), writer.close()]);
        lock.release();
      }
    },
  };
}

/** Storage for a short visit beside a running server, as the command line makes it: no lock, no threads. */
export function visitSqliteStorage({ path }: { path: string }): OpenStorage {
  if (path === MEMORY) {
    const message = 'A database in memory belongs to one server alone: set DATABASE_URL to sqlite:PATH.';
    throw new SyncError('INVALID_CONFIGURATION', message);
  }
  makeFolder(path);
  withSyncErrors(() => prepareFile(path, { exclusive: false }));
  const db = withSyncErrors(() => new SqliteDatabase(path));
  return { storage: portOn(db), close: async () => db.close() };
}

/** A database in memory belongs to one connection, so everything runs on it, in this thread. */
function openInMemory(): OpenStorage {
  const db = new SqliteDatabase(MEMORY);
  migrateSqlite(db);
  return { storage: portOn(db), close: async () => db.close() };
}

function prepareFile(path: string, { exclusive }: { exclusive: boolean }): void {
  const db = new SqliteDatabase(path);
  try {
    migrateSqlite(db);
    if (exclusive) adoptOrphans(db);
  } finally {
    db.close();
  }
}

/** Nobody else has the file: whoever worked on its jobs, or was receiving one, is gone. */
function adoptOrphans(db: SqliteDatabase): void {
  db.transaction(() => {
    db.run(`UPDATE jobs SET lease_owner = NULL, lease_until = NULL WHERE status = 'running'`);
    db.run(DISCARD_UPLOADS);
  });
}

/** The port, each of whose methods is a call to a thread. */
function portOver(threadFor: (name: string) => ThreadClient): Storage {
  return port((name, argument) => threadFor(name).call(name, argument));
}

/** The port, each of whose methods runs at once on a connection. */
function portOn(db: SqliteDatabase): Storage {
  return port(async (name, argument) => {
    const method = METHODS[name] as (db: SqliteDatabase, argument: unknown) => unknown;
    return withSyncErrors(() => method(db, argument));
  });
}

function port(call: (name: keyof Storage, argument: unknown) => Promise<unknown>): Storage {
  const names = Object.keys(METHODS) as (keyof Storage)[];
  return Object.fromEntries(
    names.map((name) => [name, (argument: unknown) => call(name, argument)]),
  ) as unknown as Storage;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    const message = `The folder ${dirname(path)} of the database can't be made: make it, or change DATABASE_URL.`;
    throw new SyncError('STORAGE_UNAVAILABLE', message, { cause });
  }
}

function withSyncErrors<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw asSyncError(error);
  }
}
