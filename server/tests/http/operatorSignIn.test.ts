import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { jsonPost, startWithOperator, TestOperator, TOKEN } from '../support/testOperator.ts';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';

const LIST = '/operator/jobs';
const CHANGES = [
  '/operator/jobs/x/cancel',
  '/operator/jobs/x/retry',
  '/operator/sites',
  '/operator/sites/1/rotate',
];

describe('The operator’s sign-in', () => {
  it('is off without ARTLY_ADMIN_TOKEN, and says how to turn it on', async (test) => {
    const { url } = await startTestServer(test);
    const operator = new TestOperator(url);
    for (const path of ['/', '/dashboard/main.ts', LIST, '/operator/session', '/operator/events']) {
      const { status, json } = await operator.call(path);
      assert.deepEqual([status, json.error], [404, 'DASHBOARD_OFF'], path);
      assert.match(json.message, /ARTLY_ADMIN_TOKEN/);
    }
    assert.equal((await operator.signIn(TOKEN)).json.error, 'DASHBOARD_OFF');
    assert.equal((await operator.signIn('')).json.error, 'DASHBOARD_OFF');
  });

  it('refuses a token that could be guessed, at the start', () => {
    assert.throws(() => readConfig({ ARTLY_ADMIN_TOKEN: 'fifteen-letters' }), {
      code: 'INVALID_CONFIGURATION',
      message: /ARTLY_ADMIN_TOKEN must have 16 characters or more/,
    });
    assert.equal(readConfig({ ARTLY_ADMIN_TOKEN: '' }).adminToken, undefined);
  });

  it('gives a cookie that no script reads and no other page sends', async (test) => {
    const { operator } = await startWithOperator(test);
    const { status, headers, json } = await operator.signIn(TOKEN);
    assert.equal(status, 200);
    const cookie = headers.get('set-cookie') ?? '';
    for (const attribute of [/; HttpOnly/, /; SameSite=Strict/, /; Path=\/operator/, /; Expires=/]) {
      assert.match(cookie, attribute);
    }
    assert.doesNotMatch(cookie, /Secure/);
    assert.ok(!cookie.includes(TOKEN) && !JSON.stringify(json).includes(TOKEN));
    const behindTls = await operator.signIn(TOKEN, { 'x-forwarded-proto': 'https' });
    assert.match(behindTls.headers.get('set-cookie') ?? '', /; Secure/);
  });

  it('lets in by the cookie and by the token, and by nothing else', async (test) => {
    const { operator, key } = await startWithOperator(test);
    const cookie = await operator.cookie();
    assert.equal((await operator.send(LIST, { headers: { cookie } })).status, 200);
    assert.equal((await operator.send(LIST, { headers: { cookie: `other=1; ${cookie}` } })).status, 200);
    assert.equal((await operator.call(LIST)).status, 200);
    const changed = cookie.replace(/\.(\d+)\./, (_, end) => `.${Number(end) + 1}.`);
    for (const wrong of ['', 'artly_operator=', `${cookie}x`, cookie.slice(0, -1), changed]) {
      const { status, json } = await operator.send(LIST, { headers: { cookie: wrong } });
      assert.deepEqual([status, json.error], [401, 'NOT_SIGNED_IN'], wrong);
    }
    const byKey = await operator.send(LIST, { headers: { 'x-artly-secret': key } });
    assert.equal(byKey.json.error, 'NOT_SIGNED_IN');
    assert.equal(
      (await operator.call(LIST, { headers: { authorization: `Bearer ${key}` } })).json.error,
      'WRONG_TOKEN',
    );
    assert.equal((await operator.call('/artly/sync/jobs')).json.error, 'WRONG_KEY');
  });

  it('holds for 12 hours, in every process that has the token, and in none that has another', async (test) => {
    const clock = { now: () => Date.now(), random: Math.random };
    let ahead = 0;
    const shop = await startWithOperator(test, { clock: { ...clock, now: () => Date.now() + ahead } });
    const other = await startWithOperator(test);
    const changed = await startWithOperator(test, {
      environment: { ARTLY_ADMIN_TOKEN: 'another-token-of-tests' },
    });
    const cookie = await shop.operator.cookie();
    const signedIn = async (operator: TestOperator) =>
      (await operator.send('/operator/session', { headers: { cookie } })).json.signedIn;
    assert.equal(await signedIn(shop.operator), true);
    assert.equal(await signedIn(other.operator), true);
    assert.equal(await signedIn(changed.operator), false);
    ahead = 12 * 3_600_000 + 1_000;
    assert.equal(await signedIn(shop.operator), false);
  });

  it('takes the cookie away at the end', async (test) => {
    const { operator } = await startWithOperator(test);
    const cookie = await operator.cookie();
    const { status, headers } = await operator.send('/operator/session', {
      method: 'DELETE',
      headers: { cookie },
    });
    assert.equal(status, 200);
    assert.match(headers.get('set-cookie') ?? '', /^artly_operator=;.*Expires=Thu, 01 Jan 1970/);
  });
});

describe('Another page', () => {
  const foreign: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ];

  it('changes nothing with the cookie of the dashboard', async (test) => {
    const { operator } = await startWithOperator(test);
    const cookie = await operator.cookie();
    for (const path of CHANGES) {
      for (const headers of foreign) {
        const post = jsonPost({ url: 'https://evil.example' });
        const { status, json } = await operator.send(path, {
          ...post,
          headers: { ...post.headers, ...headers, cookie },
        });
        assert.deepEqual([status, json.error], [403, 'CROSS_SITE'], `${path} ${JSON.stringify(headers)}`);
      }
      const form = await operator.send(path, {
        method: 'POST',
        headers: { cookie, 'content-type': 'text/plain' },
        body: '{"url":"https://evil.example"}',
      });
      assert.equal(form.status, 415, path);
    }
    assert.equal((await operator.call('/operator/sites')).json.sites.length, 1);
  });

  it('signs nobody in or out', async (test) => {
    const { operator } = await startWithOperator(test);
    for (const headers of foreign) {
      assert.equal((await operator.signIn(TOKEN, headers)).json.error, 'CROSS_SITE');
      const out = await operator.send('/operator/session', { method: 'DELETE', headers });
      assert.equal(out.json.error, 'CROSS_SITE');
    }
  });

  it('is told apart from the dashboard itself, whatever the browser says', async (test) => {
    const { operator } = await startWithOperator(test);
    const cookie = await operator.cookie();
    for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: operator.url }]) {
      const post = jsonPost();
      const { json } = await operator.send('/operator/jobs/x/cancel', {
        ...post,
        headers: { ...post.headers, ...headers, cookie },
      });
      assert.equal(json.error, 'JOB_NOT_FOUND');
    }
  });
});

describe('Wrong tokens', () => {
  it('are refused after some, for a while, and who is signed in goes on', async (test) => {
    let now = Date.now();
    const { operator } = await startWithOperator(test, { clock: { now: () => now, random: Math.random } });
    const cookie = await operator.cookie();
    for (let at = 0; at < 5; at += 1)
      assert.equal((await operator.signIn(`wrong ${at}`)).json.error, 'WRONG_TOKEN');
    const { status, json, headers } = await operator.signIn(TOKEN);
    assert.deepEqual([status, json.error], [429, 'TOO_MANY_TRIES']);
    assert.equal(headers.get('retry-after'), '30');
    assert.equal((await operator.call(LIST)).json.error, 'TOO_MANY_TRIES');
    assert.equal((await operator.send(LIST, { headers: { cookie } })).status, 200);
    now += 30_000;
    assert.equal((await operator.signIn(TOKEN)).status, 200);
  });

  it('count the same when a script sends them', async (test) => {
    const { operator } = await startWithOperator(test);
    const codes = [];
    for (let at = 0; at < 7; at += 1) {
      const { json } = await operator.call(LIST, { headers: { authorization: `Bearer wrong${at}` } });
      codes.push(json.error);
    }
    assert.deepEqual(codes, [...Array(5).fill('WRONG_TOKEN'), ...Array(2).fill('TOO_MANY_TRIES')]);
  });
});

describe('The audit trail', () => {
  it('names the operator and the address', async (test) => {
    const { operator, site } = await startWithOperator(test);
    const jobId = await site.start(members(1));
    await site.waitFor(jobId, hasEnded);
    assert.match((await operator.post(`/operator/jobs/${jobId}/cancel`)).json.message, /had ended before/);
    const { json } = await operator.call(`/operator/jobs/${jobId}`);
    assert.deepEqual(
      json.audit.map(({ event, actor }: { event: string; actor: string }) => `${event} ${actor}`),
      ['created site https://shop.example', 'started worker', 'completed worker'],
    );
  });
});
