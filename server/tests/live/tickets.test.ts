import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Log } from '../../src/domain/log.ts';
import { TestClock, withMethods } from '../http/spies.ts';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';
import { EventClient, refusal, SocketClient, socketAddress, ticketFor } from './liveClients.ts';

describe('A ticket', () => {
  it('lets its bearer watch its job by events, once', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(3));
    const options = { key: false, query: `?ticket=${await ticketFor(shop, jobId)}` };
    const events = await (await EventClient.open(shop, jobId, options)).all();
    assert.equal(events.at(-1)?.job.status, 'completed');
    const second = await EventClient.open(shop, jobId, options);
    assert.deepEqual([second.status, (await second.json()).error], [401, 'TICKET_INVALID']);
  });

  it('lets its bearer watch its job on a socket, once, and no other job', async (test) => {
    const shop = await startTestServer(test);
    const [jobId, other] = [await shop.start(members(3)), await shop.start(members(3))];
    const query = `?ticket=${await ticketFor(shop, jobId)}`;
    const client = await SocketClient.open(test, shop, { query });
    client.send({ watch: other });
    assert.equal((await client.until(({ error }) => error)).error, 'TICKET_OTHER_JOB');
    client.send({ watch: jobId });
    await client.until(({ job }) => job && hasEnded(job));
    assert.deepEqual(client.jobs(other), []);
    assert.equal((await refusal(socketAddress(shop, query))).error, 'TICKET_INVALID');
  });

  it('is for no other job, and is used up by the try', async (test) => {
    const shop = await startTestServer(test);
    const [jobId, other] = [await shop.start(members(3)), await shop.start(members(3))];
    const options = { key: false, query: `?ticket=${await ticketFor(shop, jobId)}` };
    const wrong = await EventClient.open(shop, other, options);
    assert.deepEqual([wrong.status, (await wrong.json()).error], [401, 'TICKET_OTHER_JOB']);
    const right = await EventClient.open(shop, jobId, options);
    assert.deepEqual([right.status, (await right.json()).error], [401, 'TICKET_INVALID']);
  });

  it('lasts a minute', async (test) => {
    const clock = new TestClock();
    const shop = await startTestServer(test, { clock });
    const jobId = await shop.start(members(3));
    const made = await shop.call(`/artly/sync/jobs/${jobId}/ticket`, {});
    assert.equal(made.json.expiresAt, new Date(clock.now() + 60_000).toISOString());
    const [late, inTime] = [made.json.ticket as string, await ticketFor(shop, jobId)];
    clock.move(59_999);
    const opened = await EventClient.open(shop, jobId, { key: false, query: `?ticket=${inTime}` });
    assert.equal(opened.status, 200);
    clock.move(1);
    const refused = await EventClient.open(shop, jobId, { key: false, query: `?ticket=${late}` });
    assert.deepEqual([refused.status, (await refused.json()).error], [401, 'TICKET_INVALID']);
  });

  it('is none where it has another form, and no key makes up for it', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(3));
    for (const query of ['?ticket=', '?ticket=x', `?ticket=${'A'.repeat(43)}`, '?ticket=a&ticket=b']) {
      const refused = await EventClient.open(shop, jobId, { query });
      assert.deepEqual([refused.status, (await refused.json()).error], [401, 'TICKET_INVALID'], query);
    }
  });

  it('is made by the key for jobs of the site alone', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(3));
    const path = `/artly/sync/jobs/${jobId}/ticket`;
    assert.equal((await fetch(`${shop.url}${path}`, { method: 'POST' })).status, 401);
    assert.equal((await shop.call('/artly/sync/jobs/none/ticket', {})).json.error, 'JOB_NOT_FOUND');
    const byTicket = `${shop.url}/artly/sync/jobs/${jobId}?ticket=${await ticketFor(shop, jobId)}`;
    assert.equal((await fetch(byTicket)).status, 401, 'it opens nothing but events and the socket');
  });

  it('ends with the key of its site', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(3));
    const query = `?ticket=${await ticketFor(shop, jobId)}`;
    await shop.server.parts.sites.rotate('https://shop.example');
    const refused = await EventClient.open(shop, jobId, { key: false, query });
    assert.deepEqual([refused.status, (await refused.json()).error], [401, 'TICKET_INVALID']);
  });
});

describe('Keys and tickets', () => {
  it('stand in no line of the log and in no answer but the one that makes the ticket', async (test) => {
    const lines: string[] = [];
    const note = (event: string, details?: object) => lines.push(`${event} ${JSON.stringify(details)}`);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    let broken = false;
    const shop = await startTestServer(test, {
      log,
      wrapStorage: withMethods((real) => ({
        findJob: async (job) => {
          if (broken) throw new TypeError('broken');
          return real.findJob(job);
        },
      })),
    });
    const jobId = await shop.start(members(3));
    await shop.waitFor(jobId, hasEnded);
    const tickets: string[] = [];
    const answers: string[] = [];
    const ask = async (path: (ticket: string) => string, headers: Record<string, string> = {}) => {
      const ticket = await ticketFor(shop, jobId);
      tickets.push(ticket);
      for (broken of [false, true]) {
        const response = await fetch(`${shop.url}${path(ticket)}`, { headers });
        answers.push(JSON.stringify([...response.headers]), await response.text());
      }
      broken = false;
    };
    await ask((ticket) => `/artly/sync/jobs/${jobId}/events?ticket=${ticket}`);
    await ask((ticket) => `/artly/sync/jobs/none/events?ticket=${ticket}`);
    await ask((ticket) => `/artly/sync/live?ticket=${ticket}`);
    await ask((ticket) => `/nothing?ticket=${ticket}`);
    await ask(() => `/artly/sync/jobs/${jobId}/events`, { 'x-artly-secret': shop.key });
    await ask(() => `/artly/sync/jobs/${jobId}/events`, { 'x-artly-secret': `${shop.key}x` });
    const query = `?ticket=${await ticketFor(shop, jobId)}`;
    tickets.push(query.slice(8));
    const client = await SocketClient.open(test, shop, { query });
    broken = true;
    client.send({ watch: jobId });
    assert.equal((await client.until(({ error }) => error)).error, 'INTERNAL');
    const all = [...lines, ...answers, ...client.messages.map((message) => JSON.stringify(message))].join(
      '\n',
    );
    assert.match(all, /request\.failed .*live/);
    assert.match(all, /request\.failed .*events/);
    for (const secret of [shop.key, shop.key.slice(-20), ...tickets]) assert.ok(!all.includes(secret));
  });
});
