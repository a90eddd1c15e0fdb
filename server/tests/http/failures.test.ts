import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { ERRORS, SyncError } from '../../src/domain/errors.ts';
import type { Job } from '../../src/domain/job.ts';
import type { Log } from '../../src/domain/log.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { hasEnded, members, startTestServer, TestSite } from '../support/testServer.ts';
import { TestClock, withMethods } from './spies.ts';

const MINUTE = 60_000;

describe('A failure that may pass', () => {
  it('lets the job wait for longer each time, says so, and goes on where it stood', async (test) => {
    const { shop, clock, postponed, failTimes } = await failingServer(test);
    failTimes(4);
    const jobId = await shop.start(members(120));
    const waits: number[] = [];
    for (let failure = 1; failure <= 4; failure += 1) {
      const { delayMs } = await postponed.next();
      waits.push(delayMs);
      const job = await shop.job(jobId);
      assert.equal(job.status, 'running');
      assert.match(job.stepMessage, /^Trying again in \d+ s: The database is locked: wait\.$/);
      await moveOn(shop, clock);
    }
    const job = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual([job.status, job.inserted, job.processed], ['completed', 120, 120]);
    assert.deepEqual(waits, [750, 2_250, 6_750, 20_250]);
    const { json } = await shop.call(`/artly/sync/jobs/${jobId}/audit`);
    const events = (json.audit as { event: string }[]).map(({ event }) => event);
    assert.equal(events.filter((event) => event === 'postponed').length, 4);
    assert.equal(events.at(-1), 'completed');
  });

  it('fails the job with its code after 5 attempts', async (test) => {
    const { shop, clock, postponed, failTimes } = await failingServer(test);
    failTimes(99);
    const jobId = await shop.start(members(10));
    for (let failure = 1; failure <= 4; failure += 1) {
      await postponed.next();
      await moveOn(shop, clock);
    }
    const job = await shop.waitFor(jobId, hasEnded);
    assert.equal(job.status, 'failed');
    assert.deepEqual(job.error, { code: 'STORAGE_BUSY', message: 'The database is locked: wait.' });
    assert.equal(job.stepMessage, 'Failed: The database is locked: wait.');
    assert.deepEqual([job.result, job.processed, postponed.count], [null, 0, 4]);
  });

  it('fails it after as many as ARTLY_JOB_ATTEMPTS says', async (test) => {
    const { shop, postponed, failTimes } = await failingServer(test, { ARTLY_JOB_ATTEMPTS: '1' });
    failTimes(1);
    const job = await shop.waitFor(await shop.start(members(1)), hasEnded);
    assert.deepEqual([job.status, postponed.count], ['failed', 0]);
  });

  it('counts from the beginning again after a batch that went well', async (test) => {
    const { shop, clock, postponed, failTimes } = await failingServer(test, { ARTLY_JOB_ATTEMPTS: '2' });
    failTimes(1);
    const jobId = await shop.start(members(100));
    for (let batch = 1; batch <= 2; batch += 1) {
      await postponed.next();
      // Fails again at the call after the one that goes well.
      failTimes(0, { thenFail: batch === 1 ? 1 : 0 });
      await moveOn(shop, clock);
    }
    const job = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual([job.status, job.processed, postponed.count], ['completed', 100, 2]);
  });

  it('can be cancelled while it waits', async (test) => {
    const { shop, clock, postponed, failTimes } = await failingServer(test);
    failTimes(1);
    const jobId = await shop.start(members(10));
    await postponed.next();
    await shop.call(`/artly/sync/jobs/${jobId}/cancel`, {});
    await moveOn(shop, clock);
    await shop.waitFor(await shop.start(members(1, { from: 50 })), hasEnded);
    assert.equal((await shop.job(jobId)).status, 'cancelled');
    assert.equal((await shop.balances()).size, 1);
  });

  it('holds up no other site', async (test) => {
    const { shop, postponed, failTimes } = await failingServer(test);
    failTimes(1);
    await shop.start(members(10));
    await postponed.next();
    const { key } = await shop.server.parts.sites.add('https://other.example');
    const other = new TestSite(shop.url, key);
    const job = await other.waitFor(await other.start(members(3)), hasEnded);
    assert.equal(job.status, 'completed');
  });
});

describe('A storage that is away as a whole', () => {
  for (const code of ['STORAGE_BUSY', 'STORAGE_FULL', 'STORAGE_UNAVAILABLE', 'STORAGE_READ_ONLY'] as const) {
    it(`is waited for, and fails no job, however often it is looked at: ${code}`, async (test) => {
      const { shop, storage, logged } = await serverOnStorageAway(test);
      storage.away = new SyncError(code, 'It is away.');
      const jobId = await shop.start(members(120));
      await storage.refused(6);
      const job = await shop.job(jobId);
      assert.equal(job.status === 'pending' || job.status === 'running', true);
      const { status, json } = await shop.call('/readyz');
      assert.deepEqual([status, json.error], [ERRORS[code].status, code]);
      storage.away = undefined;
      const done = await shop.waitFor(jobId, hasEnded);
      assert.deepEqual([done.status, done.inserted], ['completed', 120]);
      assert.equal((await shop.call('/readyz')).status, 200);
      assert.deepEqual(logged, ['error storage.away', 'info storage.back']);
    });
  }

  it('is given as the reason of the wait, where it still takes that much', async (test) => {
    const { shop, storage } = await serverOnStorageAway(test, ['applyNext', 'check']);
    storage.away = new SyncError('STORAGE_FULL', 'The disk is full.');
    const jobId = await shop.start(members(120));
    const job = await shop.waitFor(jobId, ({ stepMessage }) => stepMessage.startsWith('Waiting until'));
    assert.match(job.stepMessage, /: The disk is full\.$/);
    storage.away = undefined;
    assert.equal((await shop.waitFor(jobId, hasEnded)).status, 'completed');
  });

  it('does not hold up the end of the server', async (test) => {
    const { shop, storage } = await serverOnStorageAway(test);
    storage.away = new SyncError('STORAGE_FULL', 'The disk is full.');
    await shop.start(members(120));
    await storage.refused(2);
  });

  it('holds up nobody who only looks', async (test) => {
    const shop = await startTestServer(test, {
      wrapStorage: withMethods(() => ({ noteSeen: () => new Promise(() => {}) })),
    });
    assert.equal((await shop.call('/artly/sync/jobs')).status, 200);
  });
});

describe('A failure that can’t pass', () => {
  for (const [what, error, code] of [
    [
      'a damaged database',
      new SyncError('STORAGE_DAMAGED', 'The database file is damaged.'),
      'STORAGE_DAMAGED',
    ],
    ['a mistake of the program', new TypeError('secret inside'), 'INTERNAL'],
  ] as const) {
    it(`fails the job at once: ${what}`, async (test) => {
      const { shop, postponed, failTimes } = await failingServer(test, {}, error);
      failTimes(1);
      const job = await shop.waitFor(await shop.start(members(10)), hasEnded);
      assert.deepEqual([job.status, job.error?.code, job.attempt], ['failed', code, 1]);
      assert.doesNotMatch(JSON.stringify(job), /secret inside/);
      assert.equal(postponed.count, 0);
    });
  }

  it('lets the next job of the site begin', async (test) => {
    const { shop, failTimes } = await failingServer(test, {}, new TypeError('broken'));
    failTimes(1);
    await shop.start(members(10));
    const job = await shop.waitFor(await shop.start(members(10)), hasEnded);
    assert.equal(job.status, 'completed');
  });

  it('makes the old endpoint answer 500 with the reason', async (test) => {
    const { shop, failTimes } = await failingServer(
      test,
      {},
      new SyncError('STORAGE_DAMAGED', 'The file is damaged.'),
    );
    failTimes(1);
    const { status, json } = await shop.call('/artly/sync/points-balances', members(1));
    assert.deepEqual([status, json.error], [500, 'JOB_FAILED']);
    assert.match(json.message as string, /The file is damaged\.$/);
  });
});

/** What a worker and a watch write by; a start still goes through. */
const WORKERS_WRITES = ['claim', 'applyNext', 'complete', 'postpone', 'fail', 'release', 'check'] as const;

/** A server whose storage refuses some writes as long as `storage.away` says why; `logged` is what it complains of. */
async function serverOnStorageAway(
  test: TestContext,
  writes: readonly (keyof Storage)[] = WORKERS_WRITES,
): Promise<{ shop: TestSite; storage: StorageAway; logged: string[] }> {
  const storage = new StorageAway();
  const logged: string[] = [];
  const log: Log = {
    debug() {},
    info: (event) => event.startsWith('storage.') && logged.push(`info ${event}`),
    warn: (event) => logged.push(`warn ${event}`),
    error: (event) => logged.push(`error ${event}`),
  };
  const environment = { ARTLY_JOB_ATTEMPTS: '1' };
  const shop = await startTestServer(test, { environment, log, wrapStorage: storage.wrap(writes) });
  return { shop, storage, logged };
}

class StorageAway {
  away: SyncError | undefined;
  #count = 0;
  readonly #changed = new EventEmitter();

  wrap(writes: readonly (keyof Storage)[]): (real: Storage) => Storage {
    return withMethods((real) =>
      Object.fromEntries(writes.map((name) => [name, this.#unlessAway(real[name] as Write)])),
    );
  }

  /** Resolves when so many writes were refused. */
  async refused(count: number): Promise<void> {
    while (this.#count < count) await once(this.#changed, 'refused');
  }

  #unlessAway(write: Write): Write {
    return async (argument) => {
      if (this.away === undefined) return write(argument);
      this.#count += 1;
      this.#changed.emit('refused');
      throw this.away;
    };
  }
}

type Write = (argument: never) => Promise<unknown>;

/** A server whose storage fails at as many batches as the test says, on a clock that the test moves. */
async function failingServer(
  test: TestContext,
  environment: NodeJS.ProcessEnv = {},
  error: Error = new SyncError('STORAGE_BUSY', 'The database is locked: wait.'),
) {
  const clock = new TestClock();
  const postponed = new Signals<{ job: Job; delayMs: number }>();
  let plan: boolean[] = [];
  const shop = await startTestServer(test, {
    clock,
    environment,
    wrapStorage: withMethods((real) => ({
      applyNext: async (claim) => {
        if (plan.shift()) throw error;
        return real.applyNext(claim);
      },
      postpone: async (claim) => {
        const job = await real.postpone(claim);
        if (job !== undefined) postponed.give({ job, delayMs: claim.delayMs });
        return job;
      },
    })),
  });
  const failTimes = (times: number, { thenFail = 0 } = {}) => {
    plan = thenFail > 0 ? [false, ...Array(thenFail).fill(true)] : Array(times).fill(true);
  };
  return { shop, clock, postponed, failTimes };
}

/** Makes the job due that waits, and wakes it as the sweep would. */
async function moveOn(shop: Awaited<ReturnType<typeof startTestServer>>, clock: TestClock): Promise<void> {
  clock.move(MINUTE);
  await shop.server.parts.sweep.wakeDueJobs();
}

/** What happened, to be waited for one after the other. */
class Signals<Value> {
  count = 0;
  readonly #given: Value[] = [];
  #waiting: ((value: Value) => void) | undefined;

  give(value: Value): void {
    this.count += 1;
    if (this.#waiting === undefined) this.#given.push(value);
    else this.#waiting(value);
    this.#waiting = undefined;
  }

  next(): Promise<Value> {
    const value = this.#given.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}
