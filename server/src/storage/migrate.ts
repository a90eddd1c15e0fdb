import { readdirSync, readFileSync } from 'node:fs';
import { SyncError } from '../domain/errors.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';

const FOLDER = new URL('./migrations/sqlite/', import.meta.url);

/**
 * Brings the database to the form this program knows, one numbered file a step, each in a transaction of its own.
 * A database that is newer than the program is refused: an old program could damage what it doesn't know.
 */
export function migrateSqlite(db: SqliteDatabase): void {
  const files = migrationFiles(FOLDER);
  refuseNewer(versionOf(db), files.length);
  files.forEach((file, at) => {
    db.transaction(() => {
      if (versionOf(db) > at) return;
      db.exec(readFileSync(new URL(file, FOLDER), 'utf8'));
      db.exec(`PRAGMA user_version = ${at + 1}`);
    });
  });
}

/** The numbered files of a folder, in their order. */
export function migrationFiles(folder: URL): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

function versionOf(db: SqliteDatabase): number {
  return Number(db.get('PRAGMA user_version')?.user_version);
}

export function refuseNewer(found: number, known: number): void {
  if (found <= known) return;
  throw new SyncError(
    'STORAGE_TOO_NEW',
    `The database is of version ${found}, and this program knows versions up to ${known}: start the newer program.`,
  );
}
