import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from '../../src/domain/log.ts';
import type { Bell, PgBossQueue, PgBossQueueOptions } from '../../src/queue/pgBossQueue.ts';
import type { TurnHandler } from '../../src/queue/queue.ts';
import { LeakyProxy } from '../notices/leakyProxy.ts';
import { PostgresServer, query } from '../support/postgresServer.ts';
import { quietLog } from '../support/testServer.ts';
import { openPgBossQueue } from './openPgBossQueue.ts';

const server = await PostgresServer.start();
after(() => server.remove());
const url = await server.database();

describe('the queue of many processes', () => {
  test('one process gives as many turns at once as it has workers, and never two to one job', async (t) => {
    const queue = await testQueue(t, { workers: 3 });
    const busy = new Busy(queue, { jobs: 5, turns: 40 });
    await queue.work(busy.handler);
    await busy.done;
    assert.deepEqual([busy.most, busy.doubled], [3, false]);
  });

  test('a job goes on in the name of its holder, whichever process gives the next turn', async (t) => {
    const bell = new SharedBell();
    const name = `test-${randomUUID()}`;
    const queues = [await testQueue(t, { name, bell }), await testQueue(t, { name, bell })];
    const holders = new Map<string, Set<string>>();
    const given = [0, 0];
    const jobIds = [randomUUID(), randomUUID(), randomUUID()];
    const done = Promise.withResolvers<void>();
    for (const [at, queue] of queues.entries()) {
      await queue.work(async ({ jobId, holder }) => {
        holders.set(jobId, (holders.get(jobId) ?? new Set()).add(holder));
        given[at] = (given[at] ?? 0) + 1;
        await pause(1);
        if (given.every((turns) => turns >= 10)) done.resolve();
        return 'again';
      });
    }
    for (const jobId of jobIds) await queues[0]?.send(jobId);
    await done.promise;
    assert.deepEqual(
      jobIds.map((jobId) => holders.get(jobId)?.size),
      [1, 1, 1],
    );
  });

  test('a job’s first turns come before the further turns of many others', async (t) => {
    const queue = await testQueue(t, {});
    const order: string[] = [];
    const [small, done] = [randomUUID(), Promise.withResolvers<void>()];
    const handler: TurnHandler = async ({ jobId }) => {
      order.push(jobId);
      if (order.length === 60) await queue.send(small);
      const turns = order.filter((seen) => seen === small).length;
      if (turns === 3) done.resolve();
      return turns === 3 ? 'done' : 'again';
    };
    for (let at = 0; at < 10; at += 1) await queue.send(randomUUID());
    await queue.work(handler);
    await done.promise;
    // Some of the looks meanwhile pass over young jobs.
    assert.ok(order.length - 60 <= 5, `${order.length - 60} turns for three`);
  });

  test('further turns come also while new jobs never end', async (t) => {
    const queue = await testQueue(t, {});
    const big = randomUUID();
    const turns = { big: 0, all: 0 };
    const done = Promise.withResolvers<void>();
    await queue.send(big);
    await queue.work(async ({ jobId }) => {
      turns.all += 1;
      if (jobId === big) turns.big += 1;
      await queue.send(randomUUID());
      await queue.send(randomUUID());
      if (turns.all === 60) done.resolve();
      return jobId === big ? 'again' : 'done';
    });
    await done.promise;
    assert.ok(turns.big >= 10, `${turns.big} of ${turns.all}`);
  });

  test('no message stays when all is done', async (t) => {
    const queue = await testQueue(t, { workers: 2 });
    const busy = new Busy(queue, { jobs: 3, turns: 12 });
    await queue.work(busy.handler);
    await busy.done;
    await queue.stop();
    assert.equal(await countMessages(url, busy.jobIds), 0);
  });

  test('a job that was in hand when its process stopped goes on in the next one', async (t) => {
    const name = `test-${randomUUID()}`;
    const first = await testQueue(t, { name });
    const [jobId, begun] = [randomUUID(), Promise.withResolvers<void>()];
    await first.send(jobId);
    await first.work(async ({ signal }) => {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'again';
    });
    await begun.promise;
    await first.stop();
    const taken = Promise.withResolvers<string>();
    const next = await testQueue(t, { name });
    await next.work(async (turn) => {
      taken.resolve(turn.jobId);
      return 'done';
    });
    assert.equal(await taken.promise, jobId);
  });
});

test('the queue outlives a database that crashes: sending and working go on', async (t) => {
  const fragile = await PostgresServer.start();
  t.after(() => fragile.remove());
  const seen: string[] = [];
  const log: Log = { ...quietLog, warn: (event) => seen.push(event), info: (event) => seen.push(event) };
  const queue = await testQueue(t, { url: await fragile.database(), log });
  const waiting = new Map<string, () => void>();
  await queue.work(async ({ jobId }) => {
    waiting.get(jobId)?.();
    return 'done';
  });
  const turnOf = (jobId: string) => new Promise<void>((resolve) => waiting.set(jobId, resolve));
  const [before, during, later] = [randomUUID(), randomUUID(), randomUUID()];
  const turn = turnOf(before);
  await queue.send(before);
  await turn;
  await fragile.stop('immediate');
  await queue.send(during);
  assert.ok(seen.includes('queue.away'), 'the log says so, and the sender is not bothered');
  await fragile.restart();
  const lastTurn = turnOf(later);
  await queue.send(later);
  await lastTurn;
  assert.ok(seen.includes('queue.back'));
});

test('a process whose connection goes silent while it puts a job back keeps the job from nobody', async (t) => {
  const own = await server.database();
  const proxy = await LeakyProxy.start(server.port);
  t.after(() => proxy.stop());
  const name = `test-${randomUUID()}`;
  const [silent, other] = [
    await testQueue(t, { url: proxy.before(own), name }),
    await testQueue(t, { url: own, name }),
  ];
  const [jobId, begun] = [randomUUID(), Promise.withResolvers<void>()];
  await silent.work(async () => {
    await query(own, SLOW_MESSAGES);
    begun.resolve();
    return 'again';
  });
  await silent.send(jobId);
  await begun.promise;
  await untilAsleep(own);
  proxy.swallow('both', { newOnes: true });
  await untilAsleep(own, false);
  const taken = Promise.withResolvers<void>();
  await other.work(async (turn) => {
    if (turn.jobId === jobId) taken.resolve();
    return 'done';
  });
  await Promise.race([
    other.send(jobId).then(() => taken.promise),
    pause(5_000).then(() => assert.fail('the job is kept from the others')),
  ]);
});

/** To put a job back for its second turn takes so long that a network may fail meanwhile. */
const SLOW_MESSAGES = `
  CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
  CREATE TRIGGER slow BEFORE INSERT ON pgboss.job FOR EACH ROW
    WHEN (NEW.data ->> 'turns' = '1') EXECUTE FUNCTION slow()`;

/** Waits until a statement sleeps in the database, or until none does. */
async function untilAsleep(database: string, asleep = true): Promise<void> {
  const looked = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
  while ((await query(database, looked)).length > 0 !== asleep) await pause(10);
}

/** Some jobs that want turns until enough were given, while each is sent again and again. */
class Busy {
  readonly jobIds: string[];
  readonly done: Promise<void>;
  most = 0;
  doubled = false;
  readonly handler: TurnHandler;

  constructor(queue: PgBossQueue, { jobs, turns }: { jobs: number; turns: number }) {
    this.jobIds = Array.from({ length: jobs }, () => randomUUID());
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    const now = new Set<string>();
    const left = new Set(this.jobIds);
    let given = 0;
    this.handler = async ({ jobId }) => {
      this.doubled ||= now.has(jobId);
      now.add(jobId);
      this.most = Math.max(this.most, now.size);
      given += 1;
      const again = given < turns;
      if (again) await queue.send(jobId);
      await pause(3);
      now.delete(jobId);
      if (!again) left.delete(jobId);
      if (left.size === 0) resolve();
      return again ? 'again' : 'done';
    };
    for (const jobId of this.jobIds) void queue.send(jobId);
  }
}

/** What notes between processes do, within this one. */
class SharedBell implements Bell {
  readonly deaf = false;
  readonly #listeners: (() => void)[] = [];

  ring(): void {
    for (const listener of this.#listeners) listener();
  }

  onRing(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

async function testQueue(t: TestContext, options: Partial<PgBossQueueOptions>): Promise<PgBossQueue> {
  const queue = await openPgBossQueue({ url, ...options });
  t.after(() => queue.stop());
  return queue;
}

async function countMessages(database: string, jobIds: string[]): Promise<number> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*)::int AS count FROM pgboss.job WHERE data->>'jobId' = ANY($1)`,
    [jobIds],
  );
  await client.end();
  return rows[0].count;
}
