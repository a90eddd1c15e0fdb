import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { PgBossQueue, type PgBossQueueOptions } from '../../src/queue/pgBossQueue.ts';
import { quietLog } from '../support/testServer.ts';

/** A queue that is empty, in a database that others may share. */
export function openPgBossQueue(
  options: Partial<PgBossQueueOptions> & { url: string },
): Promise<PgBossQueue> {
  return PgBossQueue.open({
    poolSize: 2,
    workers: 1,
    supervise: false,
    // Nobody hears it: the process that sends wakes itself.
    bell: { deaf: false, ring() {}, onRing() {} },
    log: quietLog,
    onError: (error) => assert.fail(String(error)),
    name: `test-${randomUUID()}`,
    ...options,
  });
}
