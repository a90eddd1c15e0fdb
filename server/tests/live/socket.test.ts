import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { RawRequest } from '../http/rawRequest.ts';
import { hasEnded, members, startTestServer, TestSite } from '../support/testServer.ts';
import { assertGrowing, refusal, SocketClient, socketAddress } from './liveClients.ts';
import { RestingWorker } from './restingWorker.ts';

const RECORDS = 500;
const LIVE = '/artly/sync/live';
const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe('A WebSocket', () => {
  it('gets the job as it is, then every change up to the final state, as the job is everywhere', async (test) => {
    const { shop, worker } = await restingShop(test);
    const jobId = await shop.start(members(RECORDS));
    const client = await SocketClient.open(test, shop);
    client.send({ watch: jobId });
    await client.until(({ job }) => job);
    worker.letAll();
    await client.until(({ job }) => job && hasEnded(job));
    assertGrowing(client.jobs(jobId).map(({ version }) => version));
    assert.deepEqual(client.jobs(jobId).at(-1), await shop.job(jobId));
    assert.equal(client.messages.length, client.jobs(jobId).length);
  });

  it('watches many jobs, of which each ends by itself', async (test) => {
    const { shop, worker } = await restingShop(test);
    const jobIds = [];
    for (let at = 0; at < 5; at += 1) jobIds.push(await shop.start(members(120)));
    const client = await SocketClient.open(test, shop);
    for (const jobId of jobIds) client.send({ watch: jobId });
    worker.letAll();
    for (const jobId of jobIds) {
      await client.until(({ job }) => job?.jobId === jobId && hasEnded(job));
      assertGrowing(client.jobs(jobId).map(({ version }) => version));
    }
  });

  it('resumes behind a version, and says where there is nothing to come', async (test) => {
    const { shop, worker } = await restingShop(test);
    const jobId = await shop.start(members(RECORDS));
    worker.let(3);
    const { version } = await shop.waitFor(jobId, ({ processed }) => processed === 150);
    const client = await SocketClient.open(test, shop);
    client.send({ watch: jobId, version });
    worker.letAll();
    const { job } = await client.until((message) => message.job && hasEnded(message.job));
    assert.ok((client.jobs(jobId)[0]?.version ?? 0) > version);
    client.send({ watch: jobId, version: job?.version });
    await client.until(({ ended }) => ended === jobId);
  });

  it('hears no more of a job that it no longer watches', async (test) => {
    const { shop, worker } = await restingShop(test);
    const jobId = await shop.start(members(RECORDS));
    const client = await SocketClient.open(test, shop);
    client.send({ watch: jobId });
    await client.until(({ job }) => job);
    client.send({ unwatch: jobId });
    // The answer to this one tells that the one before was heard.
    client.send('?');
    await client.until(({ error }) => error);
    const seen = client.jobs(jobId).length;
    worker.letAll();
    await shop.waitFor(jobId, hasEnded);
    client.send({ watch: 'none' });
    await client.until(({ error }) => error === 'JOB_NOT_FOUND');
    assert.equal(client.jobs(jobId).length, seen);
  });

  it('answers what it can’t understand or do with a code and a sentence, and stays open', async (test) => {
    const { shop } = await restingShop(test);
    const other = new TestSite(shop.url, (await shop.server.parts.sites.add('https://other.example')).key);
    const ofOther = await other.start(members(1));
    const client = await SocketClient.open(test, shop);
    const bad = [
      '{',
      '"x"',
      '[]',
      '{}',
      '{"watch":7}',
      '{"watch":""}',
      '{"watch":"a","version":"x"}',
      'null',
    ];
    for (const message of bad) client.send(message);
    client.socket.send(Buffer.from('{}'), { binary: true });
    client.send({ watch: ofOther });
    await client.until(({ error }) => error === 'JOB_NOT_FOUND');
    const errors = client.messages.map(({ error }) => error);
    assert.deepEqual(errors, [...Array(bad.length + 1).fill('INVALID_MESSAGE'), 'JOB_NOT_FOUND']);
    assert.equal(client.messages.at(-1)?.jobId, ofOther);
    assert.ok(client.messages.every(({ message }) => (message ?? '').length > 20));
    const jobId = await shop.start(members(1));
    client.send({ watch: jobId });
    await client.until(({ job }) => job);
  });

  it('may watch 100 jobs, and more after it has let one go', async (test) => {
    const { shop } = await restingShop(test);
    const jobIds = [];
    for (let at = 0; at < 101; at += 1) jobIds.push(await shop.start(members(1)));
    const client = await SocketClient.open(test, shop);
    for (const jobId of jobIds) client.send({ watch: jobId });
    const { error, jobId } = await client.until((message) => message.error);
    assert.deepEqual([error, jobId], ['TOO_MANY_WATCHERS', jobIds.at(-1)]);
    client.send({ unwatch: jobIds[0] });
    client.send('?');
    await client.until((message) => message.error === 'INVALID_MESSAGE');
    client.send({ watch: jobId });
    await client.until(({ job }) => job?.jobId === jobId);
  });

  it('is closed by a message that is too long, and by a client that asks and never reads', async (test) => {
    const { shop } = await restingShop(test);
    const client = await SocketClient.open(test, shop);
    client.send({ watch: 'x'.repeat(5_000) });
    assert.equal((await client.closed).code, 1009);

    const rude = await SocketClient.open(test, shop);
    rude.socket.pause();
    const flood = setInterval(() => {
      for (let at = 0; at < 2_000; at += 1) rude.send('?');
    }, 1);
    while (shop.server.parts.watchers.open.socket > 0) await pause(5);
    clearInterval(flood);
  });

  it('is pinged, and dropped when it does not answer', async (test) => {
    const { shop } = await restingShop(test, { heartbeatMs: 100 });
    const alive = await SocketClient.open(test, shop);
    const dead = await SocketClient.open(test, shop, { autoPong: false });
    assert.equal((await dead.closed).code, 1006);
    await once(alive.socket, 'ping');
    assert.deepEqual(shop.server.parts.watchers.open, { events: 0, socket: 1, poll: 0 });
  });
});

describe('A WebSocket that is refused', () => {
  it('has a status and JSON: no key, a wrong one, no such address, too many', async (test) => {
    const { shop } = await restingShop(test, { environment: { ARTLY_MAX_WATCHERS: '1' } });
    const key = { 'x-artly-secret': shop.key };
    const address = socketAddress(shop);
    const type = 'application/json; charset=utf-8';
    assert.deepEqual(await refusal(address), { status: 401, type, error: 'MISSING_KEY' });
    const wrong = { authorization: `Bearer ${shop.key}x` };
    assert.deepEqual(await refusal(address, wrong), { status: 401, type, error: 'WRONG_KEY' });
    assert.deepEqual(await refusal(address.replace('/sync/live', '/nothing'), key), {
      status: 404,
      type,
      error: 'NOT_FOUND',
    });
    await SocketClient.open(test, shop, { headers: { authorization: `Bearer ${shop.key}` } });
    assert.deepEqual(await refusal(address, key), { status: 429, type, error: 'TOO_MANY_WATCHERS' });
  });

  it('is 426 for a plain request, and 405 for another method', async (test) => {
    const { shop } = await restingShop(test);
    const plain = await shop.fetch(LIVE);
    assert.deepEqual([plain.status, plain.headers.get('upgrade')], [426, 'websocket']);
    assert.equal((await shop.call(LIVE, {})).status, 405);
  });

  it('is 400 for a broken handshake, and takes no place', async (test) => {
    const { shop } = await restingShop(test);
    for (const wrong of [{ 'sec-websocket-key': 'short' }, { 'sec-websocket-version': '7' }]) {
      const lines = Object.entries({ host: 'x', 'x-artly-secret': shop.key, ...HANDSHAKE, ...wrong });
      const raw = new RawRequest(shop.url);
      await raw.write(
        `GET ${LIVE} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      );
      const answer = await raw.answer;
      assert.match(answer, /^HTTP\/1\.1 400 .*"error":"INVALID_PARAMETER".*Sec-WebSocket/s);
    }
    assert.equal(shop.server.parts.watchers.open.socket, 0);
  });

  it('is no other wish to upgrade: such a request is answered as if it had none', async (test) => {
    const { shop } = await restingShop(test);
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    const asking = request(`${shop.url}/healthz`, { headers }).end();
    const [response] = await once(asking, 'response');
    assert.equal(response.statusCode, 200);
    response.resume();
  });
});

async function restingShop(test: TestContext, options: Parameters<typeof startTestServer>[1] = {}) {
  const worker = new RestingWorker();
  test.after(() => worker.letAll());
  const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage, ...options });
  return { shop, worker };
}
