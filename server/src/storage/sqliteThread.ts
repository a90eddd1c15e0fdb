import { workerData } from 'node:worker_threads';
import { type Batch, freeBatches } from '../domain/batch.ts';
import { serveThread } from '../threads/threadServer.ts';
import { SqliteDatabase } from './sqliteDatabase.ts';
import { asSyncError } from './sqliteErrors.ts';
import { METHODS } from './sqliteMethods.ts';

/** The worker thread behind `openSqliteStorage`: one connection, and every method of the port on it. */
const { path, readOnly } = workerData as { path: string; readOnly: boolean };
const db = new SqliteDatabase(path, { readOnly });

type Method = (db: SqliteDatabase, argument: unknown) => unknown;

/** The batches of a call are copies that came to this thread alone. */
type Argument = { batches?: Batch[] } | null;

function runAndFree(run: Method, argument: Argument): unknown {
  try {
    return run(db, argument);
  } finally {
    freeBatches(argument?.batches ?? []);
  }
}

const handlers = Object.entries(METHODS).map(([name, method]) => {
  const run = method as Method;
  return [name, (argument: Argument) => runAndFree(run, argument)] as const;
});

serveThread({ ...Object.fromEntries(handlers), close: () => db.close() }, asSyncError);
