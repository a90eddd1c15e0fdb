import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../src/config.ts';
import { startServer } from '../../src/server.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { startWithOperator, TOKEN } from '../support/testOperator.ts';
import { hasEnded, members, quietLog, type TestSite } from '../support/testServer.ts';

/** What the dashboard may take to show a job that somebody else has started. */
const SOON_MS = 500;
const TOLD_EVERY_MS = 250;
const LONG = 'x'.repeat(3_000_000);

describe('The events of all jobs', () => {
  it('tell of a job that is started elsewhere, of its moves and of its end', async (test) => {
    const { site } = await startWithOperator(test);
    const stream = await EventStream.open(test, site.url);
    assert.equal((await stream.next()).event, 'ready');
    const jobId = await site.start(members(2_000));
    const from = performance.now();
    const first = await stream.untilJob(jobId, () => true);
    const took = performance.now() - from;
    assert.ok(took < SOON_MS, `it was told after ${Math.round(took)} ms`);
    assert.equal(first.site.url, 'https://shop.example');
    const last = await stream.untilJob(jobId, ({ status }) => status === 'completed');
    assert.ok(last.version > first.version);
  });

  it('tell at most every 200 ms, however many changes there are', async (test) => {
    const { site } = await startWithOperator(test);
    const stream = await EventStream.open(test, site.url);
    const from = performance.now();
    const jobId = await site.start(members(5_000));
    await stream.untilJob(jobId, ({ status }) => status === 'completed');
    const most = 2 + (performance.now() - from) / 200;
    assert.ok(stream.told <= most, `${stream.told} messages, at most ${most}`);
  });

  it('tell a reader who was slow to read anew, and keep nothing for it', async (test) => {
    const { site, looks, publish } = await longEvents(test);
    const slow = unreadEvents(test, site);
    while (looks() === 0) await publish(1);
    await publish(10);
    let text = '';
    for await (const chunk of slow) {
      text = text.slice(-100) + chunk;
      if (text.includes('event: missed\n')) break;
    }
    assert.ok(slow.bytesRead < 10 * LONG.length, `${slow.bytesRead} bytes came`);
  });

  it('end for a reader who takes nothing for some signs of life', async (test) => {
    const { site, looks, publish } = await longEvents(test, { heartbeatMs: 100 });
    unreadEvents(test, site);
    while (looks() === 0) await publish(1);
    // While nobody listens, nothing is read for anybody.
    for (let before = -1; before < looks(); ) {
      before = looks();
      await publish(3);
    }
  });

  it('need the sign-in', async (test) => {
    const { operator } = await startWithOperator(test);
    assert.equal((await operator.send('/operator/events')).json.error, 'NOT_SIGNED_IN');
  });

  it('are not begun for HEAD, which wants the headers alone', async (test) => {
    const { operator } = await startWithOperator(test);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { status, text } = await operator.text('/operator/events', { method: 'HEAD', headers });
    assert.deepEqual([status, text], [200, '']);
  });

  it('end when the server stops', async (test) => {
    const config = { PORT: '0', DATABASE_URL: 'sqlite::memory:', ARTLY_ADMIN_TOKEN: TOKEN };
    const server = await startServer(readConfig(config), quietLog);
    const stream = await EventStream.open(test, server.url as string);
    await stream.next();
    await server.stop();
    await assert.rejects(stream.next(), /ended/);
  });

  it('cross processes on PostgreSQL', async (test) => {
    const postgres = await PostgresServer.start();
    test.after(() => postgres.remove());
    const url = await postgres.database();
    const here = await startWithOperator(test, { environment: { DATABASE_URL: url, ARTLY_ROLE: 'api' } });
    const worker = await startServer(readConfig({ DATABASE_URL: url, ARTLY_ROLE: 'worker' }), quietLog);
    test.after(() => worker.stop());
    const stream = await EventStream.open(test, here.url);
    await stream.next();
    const jobId = await here.site.start(members(500));
    const from = performance.now();
    await stream.untilJob(jobId, () => true);
    assert.ok(performance.now() - from < SOON_MS);
    const done = await stream.untilJob(jobId, ({ status }) => status === 'completed');
    assert.equal(done.processed, 500);
  });
});

/** A job whose events are longer than what the network between the two keeps, and a way to change it again and again. */
async function longEvents(test: TestContext, options: { heartbeatMs?: number } = {}) {
  let looks = 0;
  const { site, server } = await startWithOperator(test, {
    ...options,
    wrapStorage: (storage) => ({
      ...storage,
      findPlacedJobs: async (query) => {
        looks += 1;
        const found = await storage.findPlacedJobs(query);
        return found.map(({ job, ...rest }) => ({ ...rest, job: { ...job, stepMessage: LONG } }));
      },
    }),
  });
  const jobId = await site.start(members(1));
  await site.waitFor(jobId, hasEnded);
  const { jobs, sites } = server.parts;
  const job = await jobs.find((await sites.signIn(site.key)).siteId, jobId);
  let version = job.version;
  /** Changes it, each time long enough after the last that listeners are told. */
  const publish = async (times: number) => {
    for (let at = 0; at < times; at += 1) {
      version += 1;
      jobs.changed({ ...job, version });
      await pause(TOLD_EVERY_MS);
    }
  };
  return { site, looks: () => looks, publish };
}

/** Asks for the events, and reads nothing until it is iterated. */
function unreadEvents(test: TestContext, { url }: TestSite): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
    .setEncoding('utf8')
    .pause();
  test.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`GET /operator/events HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`);
  return socket;
}

interface ToldJob {
  jobId: string;
  status: string;
  version: number;
  processed: number;
  site: { url: string };
}

/** Server-sent events, one after the other. */
class EventStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = '';
  /** Messages about jobs so far. */
  told = 0;

  private constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
  }

  static async open(test: TestContext, url: TestSite['url']): Promise<EventStream> {
    const abort = new AbortController();
    test.after(() => abort.abort());
    const response = await fetch(`${url}/operator/events`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: abort.signal,
    });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    return new EventStream((response.body as ReadableStream<Uint8Array>).getReader());
  }

  async next(): Promise<{ event: string; data: { jobs?: ToldJob[] } }> {
    while (true) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== undefined) return { event, data: JSON.parse(data as string) };
        continue;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error('The stream has ended.');
      this.#text += Buffer.from(value).toString();
    }
  }

  async untilJob(jobId: string, is: (job: ToldJob) => boolean): Promise<ToldJob> {
    while (true) {
      const { event, data } = await this.next();
      if (event !== 'jobs') continue;
      this.told += 1;
      const job = data.jobs?.find((told) => told.jobId === jobId);
      if (job !== undefined && is(job)) return job;
    }
  }
}
