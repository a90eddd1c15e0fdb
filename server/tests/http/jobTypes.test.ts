import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';

const KNOWN = /points-balances, points-events, users/;
const NDJSON = { 'content-type': 'application/x-ndjson' };

const event = (id: string, change: object = {}) => ({
  external_event_id: id,
  wp_user_id: 42,
  email: 'a@shop.example',
  points_delta: 10,
  event_type: 'order-placed',
  created_at: '2026-11-24 09:21:53',
  ...change,
});
const EVENT_READ = {
  wp_user_id: 42,
  email: 'a@shop.example',
  points_delta: 10,
  event_type: 'order-placed',
  source: null,
  order_id: null,
  created_at: '2026-11-24T09:21:53.000Z',
};
const user = (id: number, change: object = {}) => ({
  wp_user_id: id,
  email: `member${id}@shop.example`,
  ...change,
});
const USER_READ = { phone: null, whatsapp: null, locale: null, timezone: null };

describe('Events', () => {
  it('that come twice count once, and no balance moves', async (test) => {
    const shop = await startTestServer(test);
    await done(shop, 'points-balances', members(50));
    const before = await shop.balances();
    const sent = [event('wc-1'), event('wc-2', { points_delta: '-12.300000', order_id: '7', source: 'wc' })];
    const first = await done(shop, 'points-events', [...sent, event('wc-1', { points_delta: 99 })]);
    assert.deepEqual([first.type, first.inserted, first.unchanged], ['points-events', 2, 1]);
    const again = await done(shop, 'points-events', sent);
    assert.deepEqual([again.inserted, again.updated, again.unchanged], [0, 0, 2]);
    assert.deepEqual((await shop.call('/artly/points-events?wp_user_id=42')).json, {
      success: true,
      events: [
        { external_event_id: 'wc-1', ...EVENT_READ },
        { external_event_id: 'wc-2', ...EVENT_READ, points_delta: -12.3, order_id: 7, source: 'wc' },
      ],
      next: null,
    });
    assert.deepEqual(await shop.balances(), before);
  });

  it('are read member by member in pages and as a stream, in the order in which they came', async (test) => {
    const shop = await startTestServer(test);
    const events = Array.from({ length: 25 }, (_, at) => event(`e${25 - at}`, { wp_user_id: (at % 2) + 1 }));
    await done(shop, 'points-events', events);
    const expected = events.filter((one) => one.wp_user_id === 1).map((one) => one.external_event_id);
    const path = '/artly/points-events?wp_user_id=1';
    assert.deepEqual(await allPages(shop, `${path}&limit=5`, 'events', 'external_event_id'), expected);
    const stream = await shop.fetch(`${path}&limit=3`, { headers: { accept: 'application/x-ndjson' } });
    const lines = (await stream.text()).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).external_event_id),
      expected,
    );
    assert.deepEqual((await shop.call('/artly/points-events?wp_user_id=9')).json.events, []);
    const unnamed = await shop.call('/artly/points-events');
    assert.deepEqual([unnamed.status, unnamed.json.error], [400, 'INVALID_PARAMETER']);
  });

  it('keep every digit of a change, and the moment whatever its offset', async (test) => {
    const shop = await startTestServer(test);
    const body = `[{"external_event_id":"a","wp_user_id":1,"email":"a@shop.example","points_delta":-922337203685477.5808,
      "event_type":"x","order_id":9007199254740991,"created_at":"2026-11-24T10:21:53.25+01:00"}]`;
    const json = { 'content-type': 'application/json' };
    await ended(shop, await started(shop, '/artly/sync/points-events/start', body, json));
    const text = await (await shop.fetch('/artly/points-events?wp_user_id=1')).text();
    assert.match(text, /"points_delta":-922337203685477\.5808,/);
    assert.match(text, /"order_id":9007199254740991,"created_at":"2026-11-24T09:21:53\.250Z"/);
  });

  it('have an older name, which means the same everywhere', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await started(shop, '/artly/sync/points-changes/start', JSON.stringify(event('a')), NDJSON);
    assert.equal((await ended(shop, jobId)).type, 'points-events');
    const status = await shop.call(`/artly/sync/points-changes/status?jobId=${jobId}`);
    assert.equal((status.json.job as { jobId: string }).jobId, jobId);
    const listed = await shop.call('/artly/sync/jobs?type=points-changes');
    assert.equal((listed.json.jobs as object[]).length, 1);
    assert.deepEqual((await shop.call('/artly/sync/points-changes/cancel', { jobId })).status, 200);
    const all = await shop.call('/artly/sync/points-changes', [
      event('a'),
      event('b'),
      event('c', { email: '' }),
    ]);
    assert.equal(all.json.updated, 2);
    assert.deepEqual((all.json.errors as { code: string }[])[0]?.code, 'EMAIL_MISSING');
  });
});

describe('Users', () => {
  it('are inserted, changed, and left alone, and read back', async (test) => {
    const shop = await startTestServer(test);
    const full = { phone: '+55 11 91234', whatsapp: '+5511', locale: 'pt_BR', timezone: 'America/Sao_Paulo' };
    await done(shop, 'users', [user(1), user('2' as never, full), user(3, { phone: '', locale: null })]);
    const job = await done(shop, 'users', [
      user(1),
      user(2, { ...full, timezone: '+02:00' }),
      user(4),
      user(5),
    ]);
    assert.deepEqual([job.inserted, job.updated, job.unchanged], [2, 1, 1]);
    assert.deepEqual((await shop.call('/artly/users?limit=3')).json, {
      success: true,
      users: [
        { ...user(1), ...USER_READ },
        { wp_user_id: 2, email: 'member2@shop.example', ...full, timezone: '+02:00' },
        { ...user(3), ...USER_READ },
      ],
      next: 3,
    });
    assert.deepEqual(await allPages(shop, '/artly/users?limit=2', 'users', 'wp_user_id'), [1, 2, 3, 4, 5]);
  });

  it('come in parts and packed, and a start with a key is safe to repeat', async (test) => {
    const shop = await startTestServer(test);
    const { json } = await shop.call('/artly/sync/jobs', { type: 'users', total: 3 });
    const parts = `/artly/sync/jobs/${json.jobId}`;
    const put = { method: 'PUT', headers: { ...NDJSON, 'content-encoding': 'gzip' } };
    const lines = [user(1), user(2)].map((one) => JSON.stringify(one)).join('\n');
    assert.equal((await shop.fetch(`${parts}/batches/1`, { ...put, body: gzipSync(lines) })).status, 200);
    const last = JSON.stringify(user(1, { locale: 'de_DE' }));
    assert.equal((await shop.fetch(`${parts}/batches/0`, { ...put, body: gzipSync(last) })).status, 200);
    assert.equal((await shop.call(`${parts}/commit`, { batches: 2, records: 3 })).status, 202);
    const job = await ended(shop, json.jobId as string);
    assert.deepEqual([job.type, job.inserted, job.updated], ['users', 2, 1]);

    const headers = { ...NDJSON, 'idempotency-key': 'k' };
    const first = await started(shop, '/artly/sync/users/start', lines, headers);
    assert.equal(await started(shop, '/artly/sync/users/start', lines, headers), first);
    const other = { method: 'POST', headers, body: lines };
    assert.equal((await shop.fetch('/artly/sync/points-events/start', other)).status, 409);
  });
});

describe('Types of jobs', () => {
  it('run beside each other at one site, and say what they do', async (test) => {
    const shop = await startTestServer(test);
    const jobs = await Promise.all([
      done(shop, 'points-balances', members(5)),
      done(shop, 'points-events', [event('a')]),
      done(shop, 'users', [user(1)]),
    ]);
    assert.deepEqual(
      jobs.map(({ type, status }) => `${type} ${status}`),
      ['points-balances completed', 'points-events completed', 'users completed'],
    );
    for (const { type } of jobs) {
      const { json } = await shop.call(`/artly/sync/jobs?type=${type}`);
      assert.equal((json.jobs as object[]).length, 1);
    }
  });

  it('that are unknown are a 404, which names those that are known', async (test) => {
    const shop = await startTestServer(test);
    for (const [path, body] of [
      ['/artly/sync/points/start', []],
      ['/artly/sync/points', []],
      ['/artly/sync/points/cancel', { jobId: 'a' }],
      ['/artly/sync/points/status?jobId=a', undefined],
      ['/artly/sync/jobs', { type: 'points' }],
      ['/artly/sync/jobs?type=points', undefined],
      ['/artly/sync/constructor', []],
    ] as const) {
      const { status, json } = await shop.call(path, body);
      assert.deepEqual([status, json.error], [404, 'TYPE_NOT_FOUND'], path);
      assert.match(json.message as string, KNOWN);
    }
    const none = await shop.call('/artly/sync/jobs', { total: 3 });
    assert.deepEqual([none.status, none.json.error], [400, 'INVALID_PARAMETER']);
    assert.match(none.json.message as string, KNOWN);
  });

  it('can’t be a snapshot but for balances, as nothing else is removed', async (test) => {
    const shop = await startTestServer(test);
    for (const [path, body] of [
      ['/artly/sync/users/start?mode=snapshot', [user(1)]],
      ['/artly/sync/points-events?confirmRemoval=true', [event('a')]],
      ['/artly/sync/users/start?mode=snapshot&ranges=1-5', [user(1)]],
      ['/artly/sync/jobs', { type: 'users', mode: 'snapshot' }],
    ] as const) {
      const { status, json } = await shop.call(path, body);
      assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER'], path);
      assert.match(json.message as string, /for points-balances/);
    }
    assert.deepEqual((await shop.call('/artly/sync/jobs')).json.jobs, []);
    assert.equal((await done(shop, 'users', [user(1)], '?mode=merge')).inserted, 1);
  });

  it('keep another site’s records to that site', async (test) => {
    const shop = await startTestServer(test);
    const { key } = await shop.server.parts.sites.add('https://other.example');
    await done(shop, 'users', [user(1)]);
    await done(shop, 'points-events', [event('a')]);
    for (const path of ['/artly/users', '/artly/points-events?wp_user_id=42']) {
      const answer = await fetch(`${shop.url}${path}`, { headers: { 'x-artly-secret': key } });
      const { success, next, ...records } = (await answer.json()) as Record<string, unknown>;
      assert.deepEqual([success, next, Object.values(records)], [true, null, [[]]]);
      assert.equal((await fetch(`${shop.url}${path}`)).status, 401);
    }
  });
});

async function started(
  shop: TestSite,
  path: string,
  body: string,
  headers: Record<string, string>,
): Promise<string> {
  const response = await shop.fetch(path, { method: 'POST', headers, body });
  const json = (await response.json()) as { jobId: string };
  assert.equal(response.status, 202, JSON.stringify(json));
  return json.jobId;
}

/** Starts a job of this type and gives it as it ended. */
async function done(shop: TestSite, type: string, records: object[], query = '') {
  const json = { 'content-type': 'application/json' };
  const path = `/artly/sync/${type}/start${query}`;
  const job = await ended(shop, await started(shop, path, JSON.stringify(records), json));
  assert.deepEqual([job.status, job.rejected], ['completed', 0]);
  return job;
}

function ended(shop: TestSite, jobId: string) {
  return shop.waitFor(jobId, hasEnded);
}

async function allPages(shop: TestSite, path: string, records: string, field: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let after: unknown = 0; after !== null; ) {
    const { json } = await shop.call(`${path}&after=${after}`);
    found.push(...(json[records] as Record<string, unknown>[]).map((one) => one[field]));
    after = json.next;
  }
  return found;
}
