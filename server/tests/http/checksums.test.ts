import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';

const CHECKSUMS = '/artly/points-balances/checksums';

interface Range {
  from: number;
  count: number;
  sum: number;
}

describe('Checksums of balances', () => {
  it('are the sums of the CRC-32 of the canonical texts, by ranges of 1,000 ids unless told', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, [
      { wp_user_id: 7, email: 'jürgen@shop.example', points_balance: '-12.5' },
      { wp_user_id: 7, email: 'jürgen@shop.example', points_balance: 3, points_type: 'gems' },
      { wp_user_id: 999, email: "o'neil@shop.example", points_balance: -0 },
      { wp_user_id: 2000, email: 'a@shop.example', points_balance: '922337203685477.5807' },
    ]);
    const texts = [
      '7|jürgen@shop.example|points|-12.5000',
      '7|jürgen@shop.example|gems|3.0000',
      "999|o'neil@shop.example|points|0.0000",
    ];
    const { status, json } = await shop.call(CHECKSUMS);
    assert.equal(status, 200);
    assert.deepEqual(json, {
      success: true,
      size: 1_000,
      ranges: [
        { from: 0, count: 3, sum: texts.reduce((sum, text) => sum + crc32(text), 0) },
        { from: 2_000, count: 1, sum: crc32('2000|a@shop.example|points|922337203685477.5807') },
      ],
    });
    const gems = await ranges(shop, 'points_type=gems');
    assert.deepEqual(gems, [{ from: 0, count: 1, sum: crc32(texts[1] as string) }]);
  });

  it('are none where there are no balances, and are the site’s own', async (test) => {
    const shop = await startTestServer(test);
    assert.deepEqual(await ranges(shop, ''), []);
    await synced(shop, members(3));
    const { key } = await shop.server.parts.sites.add('https://other.example');
    const answer = await shop.fetch(CHECKSUMS, { headers: { 'x-artly-secret': key } });
    assert.deepEqual(((await answer.json()) as { ranges: Range[] }).ranges, []);
    assert.equal((await shop.fetch(CHECKSUMS, { headers: { 'x-artly-secret': 'wrong' } })).status, 401);
  });

  it('can be narrowed by ids, and all narrower ones add up to the wider', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(25));
    assert.deepEqual(
      (await ranges(shop, 'size=10&from=5&to=20')).map(({ from, count }) => [from, count]),
      [
        [0, 5],
        [10, 10],
        [20, 1],
      ],
    );
    // Two ranges of ids may lie in one range of checksums, which is one in the answer.
    assert.deepEqual(
      (await ranges(shop, 'size=10&ranges=1-2,15-22,4-5,24-24')).map(({ from, count }) => [from, count]),
      [
        [0, 4],
        [10, 5],
        [20, 4],
      ],
    );
    const [whole] = await ranges(shop, 'size=100');
    const single = await ranges(shop, 'size=1');
    assert.equal(single.length, 25);
    assert.equal(
      single.reduce((sum, range) => sum + range.sum, 0),
      whole?.sum,
    );
    assert.deepEqual(await ranges(shop, 'from=26'), []);
  });

  it('are whole also where they are more than one read of the storage gives', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(12_345));
    for (const size of [1, 7, 10_000]) {
      const all = await ranges(shop, `size=${size}`);
      assert.equal(
        all.reduce((sum, { count }) => sum + count, 0),
        12_345,
        `size ${size}`,
      );
      assert.deepEqual(
        all.map(({ from }) => from),
        [...new Set(Array.from({ length: 12_345 }, (_, at) => Math.floor((at + 1) / size) * size))],
      );
    }
  });

  it('are refused where they would be more than 100,000', async (test) => {
    const shop = await startTestServer(test);
    await synced(shop, members(100_001));
    assert.match(await refusal(shop, 'size=1'), /more than 100000 ranges: take a larger one, or narrow/);
    assert.equal((await ranges(shop, 'size=1&to=100000')).length, 100_000);
    assert.equal((await ranges(shop, 'size=2')).length, 50_001);
  });

  it('are refused with a size, ids or ranges that can’t be read', async (test) => {
    const shop = await startTestServer(test);
    for (const [query, message] of [
      ['size=0', /size must be a whole number from 1 to 10000/],
      ['size=10001', /size must be a whole number from 1 to 10000/],
      ['size=ten', /size must be/],
      ['size=1&size=2', /size must be/],
      ['from=-1', /from must be a whole number/],
      ['from=9&to=8', /to must not be less than from/],
      ['ranges=1-2;4-5', /ranges must be like 1000-1999,5000-5999/],
      ['points_type=a&points_type=b', /points_type/],
    ] as const) {
      assert.match(await refusal(shop, query), message, query);
    }
  });
});

async function ranges(shop: TestSite, query: string): Promise<Range[]> {
  const { status, json } = await shop.call(`${CHECKSUMS}?${query}`);
  assert.equal(status, 200, JSON.stringify(json));
  return json.ranges as Range[];
}

async function refusal(shop: TestSite, query: string): Promise<string> {
  const { status, json } = await shop.call(`${CHECKSUMS}?${query}`);
  assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER'], query);
  return json.message as string;
}

async function synced(shop: TestSite, records: object[]): Promise<void> {
  const job = await shop.waitFor(await shop.start(records), hasEnded);
  assert.deepEqual([job.status, job.rejected], ['completed', 0]);
}
