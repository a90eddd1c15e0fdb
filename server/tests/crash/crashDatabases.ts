import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PostgresServer } from '../support/postgresServer.ts';
import { temporaryFolder } from '../support/testServer.ts';

/** One database that is filled once, and a copy of it for each crash. Addresses are values of `DATABASE_URL`. */
export interface CrashDatabases {
  name: string;
  /**
   * How late the server that follows a crash comes, by its own clock: at once where it takes over what the dead one
   * had, and else when the lease of the dead one has run out.
   */
  restartAfterMs: number;
  /** Gives the address of the database to fill. */
  open(): Promise<string>;
  /** A copy of it, which nobody may have open then; gone when the test ends. */
  copy(t: TestContext): Promise<string>;
  close(): Promise<void>;
}

export class SqliteFiles implements CrashDatabases {
  readonly name = 'SQLite';
  readonly restartAfterMs = 0;
  #folder = '';

  async open(): Promise<string> {
    this.#folder = await mkdtemp(join(tmpdir(), 'artly-crash-'));
    return fileIn(this.#folder);
  }

  async copy(t: TestContext): Promise<string> {
    const folder = await temporaryFolder(t);
    await cp(this.#folder, folder, { recursive: true });
    return fileIn(folder);
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export class PostgresDatabases implements CrashDatabases {
  readonly name = 'PostgreSQL';
  readonly restartAfterMs = 20_000;
  #opened: { server: PostgresServer; first: string } | undefined;

  async open(): Promise<string> {
    const server = await PostgresServer.start();
    const first = await server.database();
    this.#opened = { server, first };
    return first;
  }

  async copy(t: TestContext): Promise<string> {
    if (this.#opened === undefined) throw new Error('There is no database to copy yet.');
    const { server, first } = this.#opened;
    const copy = await server.copy(first);
    t.after(() => server.drop(copy));
    return copy;
  }

  async close(): Promise<void> {
    await this.#opened?.server.remove();
  }
}

function fileIn(folder: string): string {
  return `sqlite:${join(folder, 'artly.db')}`;
}
