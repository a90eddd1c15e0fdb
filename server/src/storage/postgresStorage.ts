import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { visitSqliteStorage } from './sqliteStorage.ts';
import type { OpenStorage } from './storage.ts';

/** A stand-in: rows in a SQLite file that any number of processes may open, until the adapter is there. */
export async function openPostgresStorage({ url }: { url: string; poolSize: number }): Promise<OpenStorage> {
  return visitSqliteStorage({
    path: join(tmpdir(), `artly-stub${new URL(url).pathname.replace('/', '-')}.db`),
  });
}
