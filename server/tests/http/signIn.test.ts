import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Log } from '../../src/domain/log.ts';
import { hasEnded, members, startTestServer, TestSite } from '../support/testServer.ts';

const LIST = '/artly/sync/jobs';
const SECRET = 'a-secret-of-the-environment';

describe('The sign-in of a site', () => {
  it('takes its key in x-artly-secret and as Bearer', async (test) => {
    const { url, key } = await startTestServer(test);
    for (const headers of [
      { 'x-artly-secret': key },
      { authorization: `Bearer ${key}` },
      { authorization: `bearer  ${key} ` },
    ]) {
      assert.equal((await ask(url, headers)).status, 200, JSON.stringify(Object.keys(headers)));
    }
  });

  it('refuses a request without a key, and one whose key is empty', async (test) => {
    const { url } = await startTestServer(test);
    for (const headers of [
      {},
      { 'x-artly-secret': '' },
      { authorization: 'Basic abc' },
      { authorization: 'Bearer ' },
    ]) {
      const { status, error, challenge } = await ask(url, headers);
      assert.deepEqual([status, error, challenge], [401, 'MISSING_KEY', 'Bearer'], JSON.stringify(headers));
    }
  });

  it('refuses a wrong key in whatever way it is wrong', async (test) => {
    const { url, key } = await startTestServer(test);
    const otherSecret = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    const otherId = key.replace(/_[0-9a-f]{16}_/, '_0123456789abcdef_');
    for (const wrong of [
      'x',
      otherSecret,
      otherId,
      key.toUpperCase(),
      `${key}x`,
      `${key}, ${key}`,
      "' OR 1=1 --",
    ]) {
      const { status, error, text } = await ask(url, { 'x-artly-secret': wrong });
      assert.deepEqual([status, error], [401, 'WRONG_KEY']);
      assert.ok(!text.includes(wrong) || wrong === 'x', 'the answer repeats the key');
    }
  });

  it('refuses before it looks at the body or the job', async (test) => {
    const { url } = await startTestServer(test);
    for (const path of [
      '/artly/sync/points-balances/start',
      '/artly/sync/points-balances',
      '/artly/sync/points-balances/cancel',
    ]) {
      const response = await fetch(`${url}${path}`, { method: 'POST', body: '<not json>' });
      assert.equal(response.status, 401, path);
      await response.text();
    }
  });

  it('is not needed to hear that there is nothing, or that the server lives', async (test) => {
    const { url } = await startTestServer(test);
    assert.deepEqual(await statusOf(`${url}/nothing`), 404);
    assert.deepEqual(await statusOf(`${url}/healthz`), 200);
    assert.deepEqual(await statusOf(`${url}/readyz`), 200);
  });
});

describe('A key', () => {
  it('ends when it is rotated, and the new one is valid at once', async (test) => {
    const { url, key, server } = await startTestServer(test);
    const { key: next } = await server.parts.sites.rotate('https://shop.example');
    assert.equal((await ask(url, { 'x-artly-secret': key })).error, 'WRONG_KEY');
    assert.equal((await ask(url, { 'x-artly-secret': next })).status, 200);
  });

  it('ends when its site is revoked, and a rotation lets the site in again', async (test) => {
    const { url, key, server } = await startTestServer(test);
    await server.parts.sites.revoke('https://shop.example');
    assert.equal((await ask(url, { 'x-artly-secret': key })).error, 'WRONG_KEY');
    const { key: next } = await server.parts.sites.rotate('https://shop.example');
    assert.equal((await ask(url, { 'x-artly-secret': next })).status, 200);
  });

  it('may be ARTLY_API_SECRET, for the site "default", beside the keys of other sites', async (test) => {
    const shop = await startTestServer(test, { environment: { ARTLY_API_SECRET: SECRET } });
    const byDefault = new TestSite(shop.url, SECRET);
    const jobId = await byDefault.start(members(1));
    const { json } = await byDefault.call(`/artly/sync/jobs/${jobId}/audit`);
    assert.equal((json.audit as { actor: string }[])[0]?.actor, 'site default');
    assert.equal((await shop.call(LIST)).status, 200);
    assert.equal((await shop.call(`/artly/sync/jobs/${jobId}`)).status, 404);
  });

  it('may be a short one that an older installation has, and the log warns of it without showing it', async (test) => {
    const lines: string[] = [];
    const note = (event: string, details?: object) => lines.push(`${event} ${JSON.stringify(details)}`);
    const log: Log = { debug() {}, info() {}, warn: note, error: note };
    const shop = await startTestServer(test, { log, environment: { ARTLY_API_SECRET: 'hunter2' } });
    assert.equal((await ask(shop.url, { 'x-artly-secret': 'hunter2' })).status, 200);
    assert.deepEqual(lines, ['key.short {"variable":"ARTLY_API_SECRET","shortest":16}']);
  });
});

describe('Another site', () => {
  it('gets for a job and a balance of this one what it gets for none at all', async (test) => {
    const shop = await startTestServer(test);
    const { key } = await shop.server.parts.sites.add('https://other.example');
    const other = new TestSite(shop.url, key);
    const jobId = await shop.start(members(3));
    await shop.waitFor(jobId, hasEnded);
    const nobody = jobId.replaceAll(/[0-9a-f]/g, '0');
    const calls: [path: (jobId: string) => string, body?: (jobId: string) => object][] = [
      [(id) => `/artly/sync/points-balances/status?jobId=${id}`],
      [() => '/artly/sync/points-balances/cancel', (id) => ({ jobId: id })],
      [(id) => `/artly/sync/jobs/${id}`],
      [(id) => `/artly/sync/jobs/${id}/rejects`],
      [(id) => `/artly/sync/jobs/${id}/audit`],
      [(id) => `/artly/sync/jobs/${id}/cancel`, () => ({})],
      [(id) => `/artly/sync/jobs/${id}/retry`, () => ({})],
      [(id) => `/artly/sync/jobs?cursor=${id}`],
    ];
    for (const [path, body] of calls) {
      const real = await other.call(path(jobId), body?.(jobId));
      assert.deepEqual(real, await other.call(path(nobody), body?.(nobody)), path(':jobId'));
    }
    assert.equal((await other.call('/artly/points-balances/1')).status, 404);
    assert.equal((await other.balances()).size, 0);
    assert.deepEqual((await other.call(LIST)).json.jobs, []);
    assert.equal((await shop.job(jobId)).status, 'completed');
  });

  it('has balances of its own for the same members', async (test) => {
    const shop = await startTestServer(test);
    const { key } = await shop.server.parts.sites.add('https://other.example');
    const other = new TestSite(shop.url, key);
    await shop.waitFor(await shop.start(members(2)), hasEnded);
    await other.waitFor(await other.start(members(1, { balance: () => 7 })), hasEnded);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 points', '10'],
        ['2 points', '20'],
      ],
    );
    assert.deepEqual([...(await other.balances())], [['1 points', '7']]);
  });
});

describe('The log', () => {
  it('never has a key, a body or an address of a member in it', async (test) => {
    const lines: string[] = [];
    const note = (event: string, details?: object) => lines.push(`${event} ${JSON.stringify(details)}`);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const shop = await startTestServer(test, { log, environment: { ARTLY_API_SECRET: SECRET } });
    const jobId = await shop.start([
      ...members(3),
      { wp_user_id: 9, email: 'secret-member', points_balance: 1 },
    ]);
    await shop.waitFor(jobId, hasEnded);
    await ask(shop.url, { 'x-artly-secret': `${shop.key}wrong` });
    await ask(shop.url, { authorization: `Bearer ${SECRET}` });
    await shop.call('/artly/sync/points-balances', [{ wp_user_id: 1 }]);
    await shop.call(`/artly/sync/points-balances/status?jobId=x&x-artly-secret=${shop.key}`);
    await shop.server.parts.sites.rotate('https://shop.example');
    const all = lines.join('\n');
    assert.match(all, /job\.ended/);
    for (const secret of [
      shop.key,
      shop.key.slice(-20),
      SECRET,
      'member1@',
      'secret-member',
      'points_balance',
    ]) {
      assert.ok(!all.includes(secret), `${secret.slice(0, 12)}… stands in the log`);
    }
  });
});

async function ask(url: string, headers: Record<string, string>) {
  const response = await fetch(`${url}${LIST}`, { headers });
  const text = await response.text();
  const { error } = JSON.parse(text) as { error?: string };
  return { status: response.status, error, text, challenge: response.headers.get('www-authenticate') };
}

async function statusOf(address: string): Promise<number> {
  const response = await fetch(address);
  await response.text();
  return response.status;
}
