import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PostgresNotices } from '../../src/notices/postgresNotices.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { quietLog } from '../support/testServer.ts';
import { deafAtListen, LeakyProxy, silentAt } from './leakyProxy.ts';
import { cutListeners } from './listeners.ts';

const server = await PostgresServer.start();
after(() => server.remove());

describe('notes on PostgreSQL', () => {
  test('reach every other process, and not the one that sends', async (t) => {
    const url = await server.database();
    const [one, two, three] = [await opened(t, url), await opened(t, url), await opened(t, url)];
    const heard = new Heard({ one, two, three });
    one.send({ topic: 'job', key: 'a', text: 'first' });
    await heard.until(() => heard.texts.length === 2);
    await pause(150);
    assert.deepEqual(heard.texts.sort(), ['three first', 'two first']);
  });

  test('of a thousand changes of one job in a second, at most some ten notes are sent, and the last one is', async (t) => {
    const url = await server.database();
    const [one, two] = [await opened(t, url), await opened(t, url)];
    const heard = new Heard({ two });
    for (let at = 1; at <= 1_000; at += 1) {
      one.send({ topic: 'job', key: 'a', text: String(at) });
      if (at % 10 === 0) await pause(10);
    }
    await heard.until(() => heard.texts.at(-1) === 'two 1000');
    assert.ok(heard.texts.length <= 15, `${heard.texts.length} notes`);
  });

  test('a lost connection comes back, notes sent meanwhile come, and the gap is told', async (t) => {
    const url = await server.database();
    const events: string[] = [];
    const log = {
      ...quietLog,
      warn: (event: string) => events.push(event),
      info: (e: string) => events.push(e),
    };
    const one = await opened(t, url, { log });
    const two = await opened(t, url, { log });
    const heard = new Heard({ one, two });
    await cutListeners(url);
    one.send({ topic: 'job', key: 'a', text: 'meanwhile' });
    await heard.until(() => heard.gaps.one === 1 && heard.gaps.two === 1 && !one.deaf && !two.deaf);
    two.send({ topic: 'job', key: 'b', text: 'later' });
    await heard.until(() => heard.texts.includes('one later'));
    assert.deepEqual(events.sort(), ['notices.away', 'notices.away', 'notices.back', 'notices.back']);
  });

  test('a server that is away is tried again until it is back', async (t) => {
    const fragile = await PostgresServer.start();
    t.after(() => fragile.remove());
    const url = await fragile.database();
    const [one, two] = [await opened(t, url), await opened(t, url)];
    const heard = new Heard({ one, two });
    await fragile.stop('immediate');
    await pause(300);
    assert.ok(one.deaf && two.deaf);
    await fragile.restart();
    await heard.until(() => !one.deaf && !two.deaf);
    one.send({ topic: 'job', key: 'a', text: 'again' });
    await heard.until(() => heard.texts.includes('two again'));
  });

  test('a connection that was dropped in silence is noticed, as its own note doesn’t come back', async (t) => {
    const proxy = await LeakyProxy.start(server.port);
    t.after(() => proxy.stop());
    const url = proxy.before(await server.database());
    const one = await opened(t, url, { echoEveryMs: 50, echoWithinMs: 200 });
    const heard = new Heard({ one });
    proxy.swallow();
    await heard.until(() => heard.gaps.one === 1);
    assert.equal(one.deaf, false);
  });

  test('a connection that goes silent before its LISTEN is answered is tried again', async (t) => {
    const proxy = await LeakyProxy.start(server.port, { changes: silentAt('LISTEN artly_sync', 1) });
    t.after(() => proxy.stop());
    const one = new PostgresNotices({
      url: proxy.before(await server.database()),
      log: quietLog,
      echoWithinMs: 200,
    });
    t.after(() => one.stop());
    const heard = new Heard({ one });
    await one.start();
    await heard.until(() => heard.gaps.one === 1);
    assert.equal(one.deaf, false);
  });

  test('a pooler that takes LISTEN and brings nothing is told from a good connection', async (t) => {
    const proxy = await LeakyProxy.start(server.port, { changes: deafAtListen });
    t.after(() => proxy.stop());
    const url = proxy.before(await server.database());
    const away = Promise.withResolvers<string>();
    const warn = (event: string, details?: object) => away.resolve(`${event} ${JSON.stringify(details)}`);
    const one = new PostgresNotices({ url, log: { ...quietLog, warn }, echoWithinMs: 100 });
    t.after(() => one.stop());
    await one.start();
    assert.match(await away.promise, /^notices\.away .*LISTEN needs a connection without a pooler/);
    assert.equal(one.deaf, true);
  });
});

async function opened(
  t: TestContext,
  url: string,
  rest: Partial<ConstructorParameters<typeof PostgresNotices>[0]> = {},
): Promise<PostgresNotices> {
  const notices = new PostgresNotices({ url, log: quietLog, ...rest });
  t.after(() => notices.stop());
  const hears = new Promise<void>((resolve) => notices.onGap(resolve));
  await notices.start();
  await hears;
  return notices;
}

/** What came to whom. */
class Heard {
  readonly texts: string[] = [];
  readonly gaps: Record<string, number> = {};

  constructor(all: Record<string, PostgresNotices>) {
    for (const [name, notices] of Object.entries(all)) {
      notices.on('job', (text) => this.texts.push(`${name} ${text}`));
      notices.onGap(() => {
        this.gaps[name] = (this.gaps[name] ?? 0) + 1;
      });
    }
  }

  async until(done: () => boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!done()) {
      if (Date.now() > deadline) assert.fail(`only came: ${JSON.stringify([this.texts, this.gaps])}`);
      await pause(5);
    }
  }
}
