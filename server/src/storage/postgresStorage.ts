import { refuseHalfCopied } from './postgresCopyState.ts';
import { PostgresDatabase, type PostgresOptions } from './postgresDatabase.ts';
import { asSyncError } from './postgresErrors.ts';
import { METHODS } from './postgresMethods.ts';
import { migratePostgres } from './postgresMigrate.ts';
import type { OpenStorage, Storage } from './storage.ts';

/**
 * Opens storage in a PostgreSQL database, in its schema `artly`, which is made where there is none. Any number of
 * processes may have it open at once. A database into which a copy is not complete is refused.
 */
export async function openPostgresStorage(options: PostgresOptions): Promise<OpenStorage> {
  const db = await withSyncErrors(async () => new PostgresDatabase(options));
  try {
    await withSyncErrors(async () => {
      await migratePostgres(db);
      await refuseHalfCopied(db);
    });
  } catch (error) {
    await db.close();
    throw error;
  }
  return { storage: portOn(db), close: () => db.close() };
}

function portOn(db: PostgresDatabase): Storage {
  const methods = Object.entries(METHODS).map(([name, method]) => {
    const run = method as (db: PostgresDatabase, argument: unknown) => Promise<unknown>;
    return [name, (argument: unknown) => withSyncErrors(() => run(db, argument))] as const;
  });
  return Object.fromEntries(methods) as unknown as Storage;
}

async function withSyncErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw asSyncError(error);
  }
}
