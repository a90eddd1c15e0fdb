import { workerData } from 'node:worker_threads';
import { serveThread } from '../threads/threadServer.ts';
import { SqliteDatabase } from './sqliteDatabase.ts';
import { asSyncError } from './sqliteErrors.ts';
import { METHODS } from './sqliteMethods.ts';

/** The worker thread behind `openSqliteStorage`: one connection, and every method of the port on it. */
const { path, readOnly } = workerData as { path: string; readOnly: boolean };
const db = new SqliteDatabase(path, { readOnly });

const handlers = Object.entries(METHODS).map(([name, method]) => {
  const run = method as (db: SqliteDatabase, argument: never) => unknown;
  return [name, (argument: never) => run(db, argument)] as const;
});

serveThread({ ...Object.fromEntries(handlers), close: () => db.close() }, asSyncError);
