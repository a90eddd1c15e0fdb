import { readdirSync, readFileSync } from 'node:fs';
import { SyncError } from '../domain/errors.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';

const FOLDER = new URL('./migrations/sqlite/', import.meta.url);

/**
 * Brings the database to the form this program knows, one numbered file a step, each in a transaction of its own.
 * A database that is newer than the program is refused: an old program could damage what it doesn't know.
 */
export function migrateSqlite(db: SqliteDatabase): void {
  refuseOldEngine(db);
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

/** For who only reads, and so can't bring the database to the form this program knows. */
export function refuseOtherVersion(db: SqliteDatabase): void {
  const [found, known] = [versionOf(db), migrationFiles(FOLDER).length];
  refuseNewer(found, known);
  if (found === known) return;
  const message =
    found === 0
      ? 'The file has no tables of Artly Sync: check DATABASE_URL.'
      : `The database is of version ${found}, and ${known} is needed: start the server of this version on it once.`;
  throw new SyncError('STORAGE_TOO_OLD', message);
}

/** The numbered files of a folder, in their order. */
export function migrationFiles(folder: URL): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** `jsonb_each`, by which batches are applied, came with this version of SQLite. */
const OLDEST_ENGINE = [3, 51] as const;

function refuseOldEngine(db: SqliteDatabase): void {
  const engine = String(db.get('SELECT sqlite_version() AS version')?.version);
  const [major = 0, minor = 0] = engine.split('.').map(Number);
  if (major > OLDEST_ENGINE[0] || (major === OLDEST_ENGINE[0] && minor >= OLDEST_ENGINE[1])) return;
  const needed = OLDEST_ENGINE.join('.');
  const message = `This Node has SQLite ${engine}, and ${needed} is needed: start the server by "npm start", or with a newer Node 24.`;
  throw new SyncError('INVALID_CONFIGURATION', message);
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
