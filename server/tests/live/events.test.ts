import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { Gate, withMethods } from '../http/spies.ts';
import { JobWatch } from '../support/jobWatch.ts';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';
import { assertGrowing, EventClient } from './liveClients.ts';
import { RestingWorker } from './restingWorker.ts';

const RECORDS = 500;
/** A job of so many records has these versions: accepted, claimed, ten batches, completed. */
const VERSIONS = 13;

describe('Server-sent events', () => {
  it('give the job as it is, then every change, and end behind the final state', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(RECORDS));
    const client = await EventClient.open(shop, jobId);
    const watch = new JobWatch();
    const versions: number[] = [];
    for await (const { id, job } of client.events()) {
      assert.equal(id, job.version);
      versions.push(id);
      watch.see(job);
      worker.let(1);
      if (job.processed === RECORDS) worker.letAll();
    }
    assertGrowing(versions);
    assert.equal(versions.at(-1), VERSIONS);
    assert.ok(versions.length >= VERSIONS - 1, 'who reads in time sees every version');
    assert.deepEqual(watch.last, await shop.job(jobId));
  });

  it('have a type that browsers take, and headers by which no proxy holds them back', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const { headers } = await EventClient.open(shop, jobId);
    assert.equal(headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(headers.get('cache-control'), 'no-store, no-transform');
    assert.equal(headers.get('x-accel-buffering'), 'no');
  });

  it('resume behind Last-Event-ID, or behind ?version= where that is missing', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(RECORDS));
    worker.let(3);
    const { version } = await shop.waitFor(jobId, ({ processed }) => processed === 150);
    const id = { 'last-event-id': String(version) };
    const clients = await Promise.all([
      EventClient.open(shop, jobId, { headers: id }),
      EventClient.open(shop, jobId, { query: `?version=${version}` }),
      EventClient.open(shop, jobId, { query: '?version=1', headers: id }),
    ]);
    const behind = await EventClient.open(shop, jobId, { query: `?version=${version - 1}` });
    const { value: asItIs } = await behind.events().next();
    assert.equal(asItIs?.id, version, 'first the job as it is');
    worker.letAll();
    const first = await Promise.all(
      clients.map(async (client) => {
        const events = await client.all();
        assertGrowing(events.map((event) => event.id));
        assert.equal(events.at(-1)?.job.status, 'completed');
        return events[0]?.id ?? 0;
      }),
    );
    assert.ok(first.every((one) => one > version));
  });

  it('are 204 for who has the final version, which stops an EventSource', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const { version } = await shop.waitFor(jobId, hasEnded);
    for (const headers of [{ 'last-event-id': String(version) }, { 'last-event-id': '9999' }]) {
      assert.equal((await EventClient.open(shop, jobId, { headers })).status, 204);
    }
    const again = await EventClient.open(shop, jobId, { headers: { 'last-event-id': String(version - 1) } });
    assert.deepEqual(
      (await again.all()).map(({ id }) => id),
      [version],
    );
  });

  it('end also for who claims a version that the job never reaches, and send nothing', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(1));
    const client = await EventClient.open(shop, jobId, { query: '?version=9999' });
    worker.letAll();
    assert.deepEqual(await client.all(), []);
  });

  it('of a job that was retried after its end go on for who has that end', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(RECORDS));
    const client = await EventClient.open(shop, jobId);
    await shop.call(`/artly/sync/jobs/${jobId}/cancel`, {});
    const seen = (await client.all()).at(-1);
    assert.equal(seen?.job.status, 'cancelled');
    await shop.call(`/artly/sync/jobs/${jobId}/retry`, {});
    const later = await EventClient.open(shop, jobId, { headers: { 'last-event-id': String(seen.id) } });
    worker.letAll();
    const events = await later.all();
    assert.ok((events[0]?.id ?? 0) > seen.id);
    assert.deepEqual([events.at(-1)?.job.status, events.at(-1)?.job.attempt], ['completed', 2]);
  });

  it('are refused for jobs of others, and for what is no version', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const unknown = await EventClient.open(shop, jobId.replaceAll(/[0-9a-f]/g, '0'));
    assert.deepEqual([unknown.status, (await unknown.json()).error], [404, 'JOB_NOT_FOUND']);
    for (const options of [
      { headers: { 'last-event-id': 'x' } },
      { query: '?version=-1' },
      { query: '?version=1&version=2' },
    ]) {
      const refused = await EventClient.open(shop, jobId, options);
      assert.deepEqual([refused.status, (await refused.json()).error], [400, 'INVALID_PARAMETER']);
    }
    const nobody = await EventClient.open(shop, jobId, { key: false });
    assert.deepEqual([nobody.status, (await nobody.json()).error], [401, 'MISSING_KEY']);
  });

  it('have a comment from time to time while nothing changes', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage, heartbeatMs: 20 });
    const jobId = await shop.start(members(1));
    const client = await EventClient.open(shop, jobId);
    setTimeout(() => worker.letAll(), 200);
    await client.all();
    assert.ok(client.comments >= 3, `only ${client.comments}`);
  });

  it('are only headers for HEAD', async (test) => {
    const worker = new RestingWorker();
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
    const jobId = await shop.start(members(1));
    const response = await shop.fetch(`/artly/sync/jobs/${jobId}/events`, { method: 'HEAD' });
    assert.deepEqual([response.status, await response.text()], [200, '']);
    worker.letAll();
  });
});

describe('Live connections', () => {
  it('that are cut while their key is looked up take no place', async (test) => {
    const worker = new RestingWorker();
    const gate = new Gate();
    let closing = false;
    const withGate = withMethods((real) => ({
      findKey: async (key) => {
        if (closing) await gate.pass();
        return real.findKey(key);
      },
    }));
    const wrapStorage = (real: Storage) => withGate(worker.wrapStorage(real));
    const shop = await startTestServer(test, { wrapStorage, heartbeatMs: 20 });
    const jobId = await shop.start(members(1));
    closing = true;
    const headers = { 'x-artly-secret': shop.key };
    const asking = request(`${shop.url}/artly/sync/jobs/${jobId}/events`, { headers }).end();
    asking.on('error', () => undefined);
    await gate.reached;
    asking.destroy();
    // So long that the server has seen it.
    await new Promise((resolve) => setTimeout(resolve, 100));
    closing = false;
    gate.open();
    await shop.job(jobId);
    const { watchers } = shop.server.parts;
    while (watchers.open.events > 0) await new Promise((resolve) => setImmediate(resolve));
    worker.letAll();
  });

  it('of one site are bounded, those of another are not touched, and who leaves makes room', async (test) => {
    const worker = new RestingWorker();
    const environment = { ARTLY_MAX_WATCHERS: '2', ARTLY_API_SECRET: 'the-key-of-the-default' };
    const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage, environment });
    const { watchers, sites } = shop.server.parts;
    const jobId = await shop.start(members(1));
    const clients = [await EventClient.open(shop, jobId), await EventClient.open(shop, jobId)];
    assert.deepEqual(watchers.open, { events: 2, socket: 0, poll: 0 });
    const third = await EventClient.open(shop, jobId);
    assert.deepEqual([third.status, (await third.json()).error], [429, 'TOO_MANY_WATCHERS']);
    const poll = await shop.call(`/artly/sync/points-balances/status?jobId=${jobId}&version=0&wait=1`);
    assert.equal(poll.status, 429);
    assert.equal((await shop.job(jobId)).jobId, jobId);

    const { siteId } = await sites.signIn('the-key-of-the-default');
    watchers.enter({ siteId, kind: 'poll' }).leave();
    clients[0]?.cut();
    while (watchers.open.events > 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await EventClient.open(shop, jobId)).status, 200);
    worker.letAll();
  });
});
