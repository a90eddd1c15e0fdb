import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../src/log.ts';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';
import { withMethods } from './spies.ts';

type Line = Record<string, unknown>;

/** A real log at `level`, whose lines are kept. */
function keptLog(level: 'debug' | 'info') {
  const lines: Line[] = [];
  const log = createLog(level, { write: (text) => void lines.push(JSON.parse(text)) });
  const events = (event: string) => lines.filter((line) => line.event === event);
  return { log, lines, events };
}

const ask = (id: string) => ({ headers: { 'x-request-id': id } });

describe('The id of a request', () => {
  it('is the one that the client sends, where it is sane, and else a new one', async (test) => {
    const shop = await startTestServer(test);
    const answered = async (id: string) => {
      const response = await shop.fetch('/healthz', ask(id));
      await response.text();
      return response.headers.get('x-request-id');
    };
    for (const sane of ['a', 'shop-42_7.x', 'z'.repeat(128)]) assert.equal(await answered(sane), sane);
    for (const odd of ['', 'a b', 'a"b', 'z'.repeat(129), 'ä']) {
      const id = await answered(odd);
      assert.notEqual(id, odd);
      assert.match(id ?? '', /^[0-9a-f-]{36}$/);
    }
  });

  it('comes back with errors too', async (test) => {
    const shop = await startTestServer(test);
    const response = await shop.fetch('/nothing', ask('lost'));
    await response.text();
    assert.deepEqual([response.status, response.headers.get('x-request-id')], [404, 'lost']);
  });

  it('stands in every line that the request logs, and in no line of a worker', async (test) => {
    const { log, events } = keptLog('debug');
    const shop = await startTestServer(test, { log });
    const start = async (id: string) => {
      const init = { method: 'POST', body: JSON.stringify(members(60)) };
      const headers = { 'content-type': 'application/json', 'x-request-id': id };
      const response = await shop.fetch('/artly/sync/points-balances/start', { ...init, headers });
      return ((await response.json()) as { jobId: string }).jobId;
    };
    const jobIds = [await start('first'), await start('second')];
    for (const jobId of jobIds) await shop.waitFor(jobId, hasEnded);
    const accepted = events('job.accepted').map(({ requestId, jobId }) => [requestId, jobId]);
    assert.deepEqual(accepted, [
      ['first', jobIds[0]],
      ['second', jobIds[1]],
    ]);
    assert.deepEqual(
      events('job.ended').map(({ requestId }) => requestId),
      [undefined, undefined],
    );
    const done = events('request.done').find(({ requestId }) => requestId === 'first');
    assert.deepEqual(
      [done?.route, done?.method, done?.status, done?.aborted],
      ['/artly/sync/:type/start', 'POST', 202, false],
    );
  });

  it('stands in the line of a failure, with the cause', async (test) => {
    const { log, events } = keptLog('info');
    const shop = await startTestServer(test, {
      log,
      wrapStorage: withMethods(() => ({
        listJobs: async () => {
          throw new TypeError('broken');
        },
      })),
    });
    await (await shop.fetch('/artly/sync/jobs', ask('the-one'))).text();
    assert.deepEqual(
      events('request.failed').map(({ requestId, code }) => [requestId, code]),
      [['the-one', 'INTERNAL']],
    );
  });
});

describe('The log', () => {
  it('has requests at debug only, by their pattern: no address, key or query', async (test) => {
    for (const level of ['info', 'debug'] as const) {
      const { log, lines, events } = keptLog(level);
      const shop = await startTestServer(test, { log });
      await shop.call('/artly/points-balances/4711?ticket=secret');
      assert.equal(events('request.done').length, level === 'debug' ? 1 : 0);
      const text = JSON.stringify(lines);
      for (const secret of ['4711', 'secret', shop.key]) assert.ok(!text.includes(secret), secret);
    }
  });
});
