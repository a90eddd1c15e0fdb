import { SyncError } from '../domain/errors.ts';
import { COPIED_TABLES } from './copyTables.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';

/** What a target keeps of the copy into it, the row of `copied_from`: from where, and whether it is complete. */

type Reader = Pick<Connection, 'get'>;

/** A server on a half-copied database would work on jobs whose balances are not there yet. */
export async function refuseHalfCopied(db: PostgresDatabase): Promise<void> {
  const half = await db.get('SELECT 1 FROM artly.copied_from WHERE completed_at IS NULL');
  if (half === undefined) return;
  const message =
    'A copy from SQLite into this database is not complete: run "artly-sync db copy" again, which goes on where it was.';
  throw new SyncError('STORAGE_HALF_COPIED', message);
}

/** Refuses a database with data that no copy has brought; it may be without any table yet. */
export async function refuseOtherData(db: Reader): Promise<void> {
  if ((await exists(db, 'copied_from')) && (await copyRowOf(db)) !== undefined) return;
  for (const table of COPIED_TABLES) {
    if (!(await exists(db, table))) continue;
    if ((await db.get(`SELECT 1 FROM artly.${table} LIMIT 1`)) !== undefined) throw notEmpty();
  }
}

/** Makes an empty database one that is half copied, or finds that a copy of the same began; tells whether that is complete. */
export function beginCopy(
  db: PostgresDatabase,
  { sourceHash, now }: { sourceHash: Buffer; now: number },
): Promise<{ complete: boolean }> {
  return db.transaction(async (tx) => {
    // Whoever opens the storage reads this table first: it waits, and finds the row, or it is seen below.
    await tx.run('LOCK TABLE artly.copied_from IN ACCESS EXCLUSIVE MODE');
    const row = await copyRowOf(tx);
    if (row !== undefined) return stateOf(row, sourceHash);
    await refuseOtherData(tx);
    await refuseServers(tx);
    await tx.run('INSERT INTO artly.copied_from (source_hash, begun_at) VALUES (:sourceHash, :now)', {
      sourceHash,
      now,
    });
    return { complete: false };
  });
}

export async function completeCopy(tx: Connection, { now }: { now: number }): Promise<void> {
  await tx.run('UPDATE artly.copied_from SET completed_at = :now', { now });
}

interface CopyRow {
  source_hash: Buffer;
  completed_at: number | null;
}

async function copyRowOf(db: Reader): Promise<CopyRow | undefined> {
  return (await db.get('SELECT source_hash, completed_at FROM artly.copied_from')) as CopyRow | undefined;
}

function stateOf({ source_hash, completed_at }: CopyRow, sourceHash: Buffer): { complete: boolean } {
  const complete = completed_at !== null;
  if (sourceHash.equals(source_hash)) return { complete };
  if (complete) throw notEmpty();
  const message =
    'The database of --to holds a half copy of another file, or of this one before it changed: empty it (DROP SCHEMA artly CASCADE) and copy again.';
  throw new SyncError('STORAGE_NOT_EMPTY', message);
}

function notEmpty(): SyncError {
  const message = 'The database of --to has data of Artly Sync already: give an empty one.';
  return new SyncError('STORAGE_NOT_EMPTY', message);
}

/** A server that runs on the empty database would work on what comes in. */
async function refuseServers(tx: Connection): Promise<void> {
  const server = await tx.get(
    `SELECT 1 FROM pg_catalog.pg_stat_activity
     WHERE datname = current_database() AND application_name IN ('artly-sync', 'artly-sync queue', 'artly-sync notices')`,
  );
  if (server === undefined) return;
  const message = 'A server is running on the database of --to: stop it first, then copy.';
  throw new SyncError('STORAGE_IN_USE', message);
}

async function exists(db: Reader, table: string): Promise<boolean> {
  const row = await db.get('SELECT to_regclass(:name) AS name', { name: `artly.${table}` });
  return row?.name !== null;
}
