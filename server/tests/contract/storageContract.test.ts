import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { openPostgresStorage } from '../../src/storage/postgresStorage.ts';
import { openSqliteStorage } from '../../src/storage/sqliteStorage.ts';
import type { OpenStorage } from '../../src/storage/storage.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { sameContract } from './contractRun.ts';
import { syncStorageContract } from './syncStorageContract.ts';

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.remove());

sameContract('storage', [
  syncStorageContract('a SQLite file', openInFolderOfItsOwn),
  syncStorageContract('SQLite in memory', async () => openSqliteStorage({ path: ':memory:' })),
  syncStorageContract('PostgreSQL', () => openOnServer()),
  syncStorageContract('PostgreSQL, where two connections share each move', () =>
    openOnServer({ sharesFrom: 1 }),
  ),
]);

async function openOnServer(options: { sharesFrom?: number } = {}): Promise<OpenStorage> {
  return openPostgresStorage({ url: await server.database(), ...options });
}

async function openInFolderOfItsOwn(): Promise<OpenStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'artly-contract-'));
  const { storage, close } = openSqliteStorage({ path: join(folder, 'artly.db') });
  return {
    storage,
    close: async () => {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
