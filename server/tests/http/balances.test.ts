import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { withMethods } from './spies.ts';

const BALANCES = '/artly/points-balances';

interface Balance {
  wp_user_id: number;
  email: string;
  points_type: string;
  points_balance: number;
}

describe('Balances in pages', () => {
  it('come by member, and next leads through all of them', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(25));
    const pages = await allPages(shop, 'limit=10');
    assert.deepEqual(
      pages.map((page) => page.length),
      [10, 10, 5],
    );
    assert.deepEqual(
      pages.flat().map(({ wp_user_id }) => wp_user_id),
      Array.from({ length: 25 }, (_, at) => at + 1),
    );
    assert.deepEqual(pages[0]?.[0], {
      wp_user_id: 1,
      email: 'member1@shop.example',
      points_type: 'points',
      points_balance: 10,
    });
  });

  it('have a next only where there is more', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(10));
    assert.equal((await page(shop, 'limit=10')).next, null);
    assert.equal((await page(shop, 'limit=9')).next, 9);
    assert.deepEqual(await page(shop, 'after=10'), { success: true, balances: [], next: null });
  });

  it('never part the types of one member, also where these alone are more than a page', async (test) => {
    const shop = await startTestServer(test);
    const types = ['a', 'b', 'c', 'd', 'e'];
    await synced(shop, [
      ...members(2),
      ...types.map((points_type, at) => ({
        wp_user_id: 3,
        email: 'a@b.example',
        points_balance: at,
        points_type,
      })),
      ...members(2, { from: 4 }),
    ]);
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      const pages = await allPages(shop, `limit=${limit}`);
      const all = pages.flat();
      assert.equal(all.length, 9);
      const withThree = pages.filter((one) => one.some(({ wp_user_id }) => wp_user_id === 3));
      assert.equal(withThree.length, 1, `with limit ${limit}`);
      assert.deepEqual(
        all.filter(({ wp_user_id }) => wp_user_id === 3).map(({ points_type }) => points_type),
        types,
      );
    }
  });

  it('go on behind a member of many types who is removed while they are read', async (test) => {
    const types = ['a', 'b', 'c'];
    let removals = types.map((points_type) => ({ wp_user_id: 1, points_type, deleted: true }));
    const shop: TestSite = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        findBalances: async (member) => {
          if (removals.length > 0) await synced(shop, removals);
          removals = [];
          return real.findBalances(member);
        },
      })),
    });
    const [first, second] = members(2) as [object, object];
    await synced(shop, [...types.map((points_type) => ({ ...first, points_type })), second]);
    const pages = await allPages(shop, 'limit=2');
    assert.deepEqual(
      pages.map((page) => page.map(({ wp_user_id }) => wp_user_id)),
      [[2]],
    );
  });

  it('can be of one type of points', async (test) => {
    const shop = await startTestServer(test);
    const gems = members(3).map((record) => ({ ...record, points_type: 'gems' }));
    await synced(shop, [...members(5), ...gems]);
    const pages = await allPages(shop, 'points_type=gems&limit=2');
    assert.deepEqual(
      pages.flat().map(({ wp_user_id, points_type }) => `${wp_user_id} ${points_type}`),
      ['1 gems', '2 gems', '3 gems'],
    );
    assert.deepEqual((await page(shop, 'points_type=none')).balances, []);
  });

  it('are 1,000 where no limit is given', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(1_001));
    const { balances, next } = await page(shop, '');
    assert.deepEqual([balances.length, next], [1_000, 1_000]);
  });
});

describe('Balances as a stream', () => {
  it('are all of them, a line each', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(2_345));
    const response = await shop.fetch(BALANCES, { headers: { accept: 'application/x-ndjson' } });
    assert.match(response.headers.get('content-type') ?? '', /^application\/x-ndjson/);
    const text = await response.text();
    assert.ok(text.endsWith('}\n'));
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Balance);
    assert.deepEqual(
      lines.map(({ wp_user_id, points_balance }) => [wp_user_id, points_balance]),
      Array.from({ length: 2_345 }, (_, at) => [at + 1, (at + 1) * 10]),
    );
  });

  it('begin and are narrowed as the pages are', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, [...members(5), ...members(5).map((one) => ({ ...one, points_type: 'gems' }))]);
    const response = await shop.fetch(`${BALANCES}?after=3&points_type=gems&limit=1`, {
      headers: { accept: 'application/x-ndjson' },
    });
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Balance);
    assert.deepEqual(
      lines.map(({ wp_user_id, points_type }) => `${wp_user_id} ${points_type}`),
      ['4 gems', '5 gems'],
    );
  });

  it('are nothing where there are none', async (test) => {
    const shop = await startTestServer(test);
    const response = await shop.fetch(BALANCES, { headers: { accept: 'application/x-ndjson' } });
    assert.equal(await response.text(), '');
  });
});

describe('The balances of one member', () => {
  it('are one a type of points', async (test) => {
    const shop = await startTestServer(test);
    const member = { wp_user_id: 7, email: 'a@shop.example' };
    await synced(shop, [
      { ...member, points_balance: '0.5' },
      { ...member, points_balance: -3, points_type: 'gems' },
    ]);
    assert.deepEqual(await shop.call(`${BALANCES}/7`), {
      status: 200,
      json: {
        success: true,
        balances: [
          { ...member, points_type: 'gems', points_balance: -3 },
          { ...member, points_type: 'points', points_balance: 0.5 },
        ],
      },
    });
  });

  it('are 404 once they are removed', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(1));
    await synced(shop, [{ wp_user_id: 1, deleted: true }]);
    const { status, json } = await shop.call(`${BALANCES}/1`);
    assert.deepEqual([status, json.error], [404, 'BALANCE_NOT_FOUND']);
  });
});

async function synced(shop: TestSite, records: object[]): Promise<void> {
  const job = await shop.waitFor(await shop.start(records), hasEnded);
  assert.deepEqual([job.status, job.rejected], ['completed', 0]);
}

async function page(shop: TestSite, query: string) {
  const { status, json } = await shop.call(`${BALANCES}?${query}`);
  assert.equal(status, 200);
  return json as unknown as { success: true; balances: Balance[]; next: number | null };
}

async function allPages(shop: TestSite, query: string): Promise<Balance[][]> {
  const pages: Balance[][] = [];
  let after: number | null = 0;
  while (after !== null) {
    const { balances, next }: { balances: Balance[]; next: number | null } = await page(
      shop,
      `${query}&after=${after}`,
    );
    if (balances.length > 0) pages.push(balances);
    after = next;
  }
  return pages;
}
