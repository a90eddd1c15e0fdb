import { flushCompileCache } from 'node:module';
import { readConfig } from '../../src/config.ts';
import { SyncError } from '../../src/domain/errors.ts';
import { createLog } from '../../src/log.ts';
import { startServer } from '../../src/server.ts';
import { systemClock } from '../../src/services/clock.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type Crash, FAILS, PASSES_LATER } from './crashes.ts';

/**
 * The real server, with its ports wrapped so that it kills itself before or after the nth call of one method:
 * which one says the environment variable `TEST_CRASH`.
 */
const crash = JSON.parse(process.env.TEST_CRASH ?? '') as Crash;
const config = readConfig(process.env);
// Node keeps compiled code at the end of a process, which this one never comes to.
flushCompileCache();

const server = await startServer(config, createLog(config.logLevel), {
  // No chance, and so the shortest pauses.
  clock: { now: systemClock.now, random: () => 0 },
  wrapStorage: (storage) => wrapped('storage', withFailures(storage)),
  wrapQueue: (queue) => wrapped('queue', queue),
  wrapNotices: (notices) => wrapped('notices', notices),
});
process.once('SIGTERM', async () => {
  await server.stop();
  process.exit(0);
});

/** Calls go on to the port itself, but for the one that is deadly. */
function wrapped<Port extends object>(name: Crash['port'], port: Port): Port {
  if (name !== crash.port) return port;
  const methodOf = (property: string | symbol) => Reflect.get(port, property, port) as Method;
  const killer = deadly(methodOf(crash.method).bind(port));
  return new Proxy(port, {
    get: (_, property) => {
      if (property === crash.method) return killer;
      const value = methodOf(property);
      return typeof value === 'function' ? value.bind(port) : value;
    },
  });
}

type Method = (...given: unknown[]) => unknown;

function deadly(call: Method): Method {
  let calls = 0;
  return (...given) => {
    calls += 1;
    if (calls !== crash.call) return call(...given);
    if (crash.when === 'before') die();
    const result = call(...given);
    // What gives no promise has done all that it does: not one step more.
    return result instanceof Promise ? result.then(die) : die();
  };
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('A killed process does nothing more.');
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
