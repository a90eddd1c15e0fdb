import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunningServer } from '../../src/server.ts';
import type { Site } from '../../src/storage/storage.ts';
import { type Answer, startWithOperator, type TestOperator, TOKEN } from '../support/testOperator.ts';
import { hasEnded, members, TestSite } from '../support/testServer.ts';
import { withMethods } from './spies.ts';

describe('The sites', () => {
  it('are added, searched, given a new key and revoked', async (test) => {
    const { operator, url } = await startWithOperator(test);
    const added = await operator.post('/operator/sites', { url: 'https://new.example/shop/' });
    assert.equal(added.status, 201);
    const { siteId } = added.json.site;
    assert.equal(added.json.site.url, 'https://new.example/shop');
    const statusWith = async (key: string) => (await new TestSite(url, key).call('/artly/sync/jobs')).status;
    assert.equal(await statusWith(added.json.key), 200);
    const rotated = await operator.post(`/operator/sites/${siteId}/rotate`);
    assert.deepEqual([await statusWith(added.json.key), await statusWith(rotated.json.key)], [401, 200]);
    const found = await operator.call('/operator/sites?search=NEW');
    assert.deepEqual(
      found.json.sites.map(({ url }: { url: string }) => url),
      ['https://new.example/shop'],
    );
    assert.ok(!JSON.stringify(found.json).includes('artly_'));
    const revoked = await operator.post(`/operator/sites/${siteId}/revoke`);
    assert.ok(revoked.json.site.revokedAt);
    assert.equal(await statusWith(rotated.json.key), 401);
  });

  it('come page by page, by address', async (test) => {
    const { operator } = await startWithOperator(test);
    for (const name of ['c', 'a', 'b'])
      await operator.post('/operator/sites', { url: `https://${name}.example` });
    const first = (await operator.call('/operator/sites?limit=3')).json;
    const second = (
      await operator.call(`/operator/sites?limit=3&cursor=${encodeURIComponent(first.nextCursor)}`)
    ).json;
    assert.deepEqual(
      [...first.sites, ...second.sites].map(({ url }: { url: string }) => url),
      ['https://a.example', 'https://b.example', 'https://c.example', 'https://shop.example'],
    );
    assert.equal(second.nextCursor, null);
  });

  it('refuse what is no address, what is there, and what is not', async (test) => {
    const { operator } = await startWithOperator(test);
    const codeOf = async (answer: ReturnType<TestOperator['call']>) => (await answer).json.error;
    assert.equal(await codeOf(operator.post('/operator/sites', { url: 'shop' })), 'SITE_URL_INVALID');
    assert.equal(await codeOf(operator.post('/operator/sites', { url: 7 })), 'INVALID_PARAMETER');
    assert.equal(
      await codeOf(operator.post('/operator/sites', { url: 'https://shop.example' })),
      'SITE_EXISTS',
    );
    assert.equal(await codeOf(operator.post('/operator/sites/4711/rotate')), 'SITE_NOT_FOUND');
    assert.equal(await codeOf(operator.post('/operator/sites/4711/revoke')), 'SITE_NOT_FOUND');
    assert.equal(await codeOf(operator.post('/operator/sites/x/revoke')), 'INVALID_PARAMETER');
  });
});

describe('The removal of a site', () => {
  it('deletes all that is its own, says how much, and leaves the others', async (test) => {
    const { operator, site, server, url } = await startWithOperator(test);
    const { key, site: made } = await server.parts.sites.add('https://gone.example');
    const gone = new TestSite(url, key);
    for (const shop of [gone, site]) await shop.waitFor(await shop.start(members(30)), hasEnded);
    const { status, json } = await remove(operator, made.siteId, { url: 'https://gone.example' });
    assert.equal(status, 200);
    assert.deepEqual(
      [json.site.url, json.dropped, json.more],
      [made.url, { jobs: 1, balances: 30, records: 0 }, false],
    );
    assert.equal((await gone.call('/artly/sync/jobs')).status, 401);
    assert.deepEqual((await operator.call(`/operator/jobs?site=${made.siteId}`)).json.jobs, []);
    assert.equal((await site.balances()).size, 30);
    assert.equal((await remove(operator, made.siteId, { url: made.url })).json.error, 'SITE_NOT_FOUND');
  });

  it('answers within seconds, however large the site is, and goes on when asked again', async (test) => {
    let ahead = 0;
    const { operator, site, server } = await startWithOperator(test, {
      clock: { now: () => Date.now() + ahead, random: Math.random },
      wrapStorage: withMethods((real) => ({
        dropSite: (slice) => {
          ahead += 4_000;
          return real.dropSite({ ...slice, limit: 10 });
        },
      })),
    });
    await site.waitFor(await site.start(members(30)), hasEnded);
    const { siteId, url } = await firstSite(server);
    const answers: Answer['json'][] = [];
    do answers.push((await remove(operator, siteId, { url })).json);
    while (answers.at(-1).more);
    assert.ok(answers.length > 1, `${answers.length} calls`);
    const sum = (of: 'jobs' | 'balances') => answers.reduce((total, { dropped }) => total + dropped[of], 0);
    assert.deepEqual([sum('jobs'), sum('balances')], [1, 30]);
    assert.deepEqual(await server.parts.sites.list(), []);
  });

  it('needs its address, exactly, and changes nothing without', async (test) => {
    const { operator, site, server } = await startWithOperator(test);
    const { siteId } = await firstSite(server);
    for (const [body, error] of [
      [{}, 'INVALID_PARAMETER'],
      [{ url: 'https://other.example' }, 'SITE_NOT_CONFIRMED'],
      [{ url: 'shop.example' }, 'SITE_NOT_CONFIRMED'],
    ] as const) {
      const { json } = await remove(operator, siteId, body);
      assert.equal(json.error, error);
    }
    const withoutBody = await operator.call(`/operator/sites/${siteId}`, { method: 'DELETE' });
    assert.equal(withoutBody.json.error, 'UNSUPPORTED_MEDIA_TYPE');
    assert.equal(
      (await remove(operator, 4711, { url: 'https://shop.example' })).json.error,
      'SITE_NOT_FOUND',
    );
    assert.equal((await site.call('/artly/sync/jobs')).status, 200);
  });

  it('does not come from another page, and not without the operator', async (test) => {
    const { operator, site, server } = await startWithOperator(test);
    const { siteId, url } = await firstSite(server);
    const send = async (headers: Record<string, string>) => {
      const json = { ...headers, 'content-type': 'application/json' };
      const body = JSON.stringify({ url });
      return (await operator.send(`/operator/sites/${siteId}`, { method: 'DELETE', headers: json, body }))
        .json;
    };
    const cookie = await operator.cookie();
    assert.equal((await send({ cookie, 'sec-fetch-site': 'cross-site' })).error, 'CROSS_SITE');
    assert.equal((await send({ 'x-artly-secret': site.key })).error, 'NOT_SIGNED_IN');
    assert.equal((await site.call('/artly/sync/jobs')).status, 200);
    assert.equal((await send({ cookie, 'sec-fetch-site': 'same-origin' })).success, true);
  });

  it('is refused for the site "default" while ARTLY_API_SECRET lets it in', async (test) => {
    const environment = { ARTLY_API_SECRET: 'a-secret-of-the-environment', ARTLY_ADMIN_TOKEN: TOKEN };
    const { operator, server, url } = await startWithOperator(test, { environment });
    const byDefault = new TestSite(url, environment.ARTLY_API_SECRET);
    await byDefault.waitFor(await byDefault.start(members(3)), hasEnded);
    const { siteId } = (await server.parts.sites.list()).find((site) => site.url === 'default') ?? {};
    const { status, json } = await remove(operator, siteId as number, { url: 'default' });
    assert.deepEqual([status, json.error], [409, 'SITE_LET_IN']);
    assert.match(json.message, /ARTLY_API_SECRET .* unset it and restart/);
    assert.equal((await byDefault.balances()).size, 3);
  });
});

async function firstSite({ parts }: RunningServer): Promise<Site> {
  return (await parts.sites.list())[0] as Site;
}

function remove(operator: TestOperator, siteId: number, body: object) {
  return operator.call(`/operator/sites/${siteId}`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
