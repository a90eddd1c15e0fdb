import { readFileSync } from 'node:fs';
import { migrationFiles, refuseNewer } from './migrate.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';
import { LOCK_SPACES, lockUntilCommit } from './postgresLocks.ts';

const FOLDER = new URL('./migrations/postgres/', import.meta.url);
/** Others may be migrating: that takes as long as it takes. */
const PATIENT = { statementTimeoutMs: 600_000, lockTimeoutMs: 600_000 };

/**
 * Brings the database to the form this program knows, in one transaction; many processes may start at once, and one
 * of them does it. A database that is newer than the program is refused.
 */
export async function migratePostgres(db: PostgresDatabase): Promise<void> {
  const files = migrationFiles(FOLDER);
  // Looks first: a process that finds nothing to do needs neither the lock nor the right to create anything.
  const found = await versionOf(db);
  refuseNewer(found, files.length);
  if (found === files.length) return;
  await db.transaction(async (tx) => {
    await lockUntilCommit(tx, { space: LOCK_SPACES.migration, key: 0 });
    const from = await versionOf(tx);
    refuseNewer(from, files.length);
    if (from === 0) await makeSchema(tx);
    for (const file of files.slice(from)) await tx.run(readFileSync(new URL(file, FOLDER), 'utf8'));
    await tx.run('UPDATE artly.schema_version SET version = :version', { version: files.length });
  }, PATIENT);
}

async function makeSchema(tx: Connection): Promise<void> {
  await tx.run('CREATE SCHEMA IF NOT EXISTS artly');
  await tx.run('CREATE TABLE artly.schema_version (version integer NOT NULL)');
  await tx.run('INSERT INTO artly.schema_version VALUES (0)');
}

/**
 * 0 where there is nothing yet. Reads the catalogue itself: what a name stands for is remembered within a transaction,
 * also across the wait for a lock.
 */
async function versionOf(db: Pick<Connection, 'get'>): Promise<number> {
  const table = await db.get(
    `SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'artly' AND tablename = 'schema_version'`,
  );
  if (table === undefined) return 0;
  return (await db.get('SELECT version FROM artly.schema_version'))?.version as number;
}
