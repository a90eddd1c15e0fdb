import { readConfig } from '../../src/config.ts';
import { SyncError } from '../../src/domain/errors.ts';
import { createLog } from '../../src/log.ts';
import { startServer } from '../../src/server.ts';
import { systemClock } from '../../src/services/clock.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type Crash, FAILS, PASSES_LATER, portMethods } from './crashes.ts';

/**
 * The real server, with its ports wrapped so that it kills itself before or after the nth call of one method:
 * which one says the environment variable `TEST_CRASH`.
 */
const crash = JSON.parse(process.env.TEST_CRASH ?? '') as Crash;
const config = readConfig(process.env);

const server = await startServer(config, createLog(config.logLevel), {
  // No chance, and so the shortest pauses.
  clock: { now: systemClock.now, random: () => 0 },
  wrapStorage: (storage) => wrapped('storage', withFailures(storage)),
  wrapQueue: (queue) => wrapped('queue', queue),
});
process.once('SIGTERM', async () => {
  await server.stop();
  process.exit(0);
});

function wrapped<Port extends object>(name: Crash['port'], port: Port): Port {
  const calls = portMethods(port).map((method) => {
    const call = (port as Record<string, (...given: unknown[]) => Promise<unknown>>)[method];
    if (call === undefined) throw new Error(`${method} is no method.`);
    if (name !== crash.port || method !== crash.method) return [method, call.bind(port)];
    return [method, deadly(call.bind(port))];
  });
  return Object.fromEntries(calls) as Port;
}

function deadly(call: (...given: unknown[]) => Promise<unknown>) {
  let calls = 0;
  return async (...given: unknown[]) => {
    calls += 1;
    const now = calls === crash.call;
    if (now && crash.when === 'before') process.kill(process.pid, 'SIGKILL');
    const result = await call(...given);
    if (now) process.kill(process.pid, 'SIGKILL');
    return result;
  };
}

/** Jobs of certain numbers of records fail: that is how the pauses and the failures of the main flow are reached. */
function withFailures(storage: Storage): Storage {
  const totals = new Map<string, number>();
  return {
    ...storage,
    accept: async (upload) => {
      const job = await storage.accept(upload);
      totals.set(job.jobId, job.total);
      return job;
    },
    applyNext: async (claim) => {
      const total = totals.get(claim.jobId);
      if (total === FAILS) throw new SyncError('STORAGE_DAMAGED', 'The database is damaged.');
      if (total === PASSES_LATER && claim.attempt === 1) {
        throw new SyncError('STORAGE_BUSY', 'The database is busy.');
      }
      return storage.applyNext(claim);
    },
  };
}
