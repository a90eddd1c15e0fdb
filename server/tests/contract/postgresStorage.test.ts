import { after, before } from 'node:test';
import { openPostgresStorage } from '../../src/storage/postgresStorage.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { syncStorageContract } from './syncStorageContract.ts';

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.remove());

syncStorageContract('PostgreSQL', async () => openPostgresStorage({ url: await server.database() }));
