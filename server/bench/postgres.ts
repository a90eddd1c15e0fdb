import { PostgresServer } from '../tests/support/postgresServer.ts';
import { postgresFleet } from './postgresFleet.ts';
import { postgresSpeed } from './postgresSpeed.ts';

/** As a server for this would be set. What autovacuum does, the measurements do themselves, at moments of their own. */
const SETTINGS = ['-c', 'max_wal_size=4GB', '-c', 'autovacuum=off'];

/** The product on a PostgreSQL of its own, durable, on this machine. */
export async function postgres(): Promise<void> {
  const server = await PostgresServer.start({ durable: true, settings: SETTINGS });
  try {
    await postgresSpeed(server);
    await postgresFleet(server);
  } finally {
    await server.remove();
  }
}
