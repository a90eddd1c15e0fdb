import { DatabaseSync } from 'node:sqlite';
import { SyncError } from '../domain/errors.ts';
import { isBusy } from './sqliteErrors.ts';

/**
 * Holds a SQLite file for one server. The lock is SQLite's own, on an empty database beside the file: the
 * operating system takes it back when the process ends, however it ends.
 */
export class SqliteLock {
  readonly #connection: DatabaseSync;

  constructor(databasePath: string) {
    this.#connection = new DatabaseSync(`${databasePath}.lock`);
    try {
      this.#connection.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      this.#connection.close();
      if (!isBusy(cause)) throw cause;
      throw new SyncError(
        'STORAGE_IN_USE',
        `Another server is running on ${databasePath}: stop it first, or give this one another DATABASE_URL.`,
        { cause },
      );
    }
  }

  release(): void {
    this.#connection.close();
  }
}
