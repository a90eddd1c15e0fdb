import { after, before } from 'node:test';
import { InProcessQueue } from '../../src/queue/inProcessQueue.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { sameContract } from './contractRun.ts';
import { openPgBossQueue } from './openPgBossQueue.ts';
import { type OpenQueue, syncQueueContract } from './syncQueueContract.ts';

let server: PostgresServer;
let url: string;
before(async () => {
  server = await PostgresServer.start();
  url = await server.database();
});
after(() => server.remove());

sameContract('queue', [
  syncQueueContract('one process', async () => {
    const errors: OpenQueue['errors'] = [];
    return {
      queue: new InProcessQueue({ onError: (error, jobId) => errors.push({ error, jobId }) }),
      errors,
    };
  }),
  syncQueueContract('pg-boss', async () => {
    const errors: OpenQueue['errors'] = [];
    const onError = (error: unknown, jobId: string) => errors.push({ error, jobId });
    return { queue: await openPgBossQueue({ url, onError }), errors };
  }),
]);
