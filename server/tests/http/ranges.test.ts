import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ranges } from '../../src/routes/parse.ts';
import { hasEnded, type JobJson, members, startTestServer, type TestSite } from '../support/testServer.ts';

const START = '/artly/sync/points-balances/start';

describe('A snapshot of ranges', () => {
  it('removes what it does not carry within them, and nothing else', async (test) => {
    const site = await startTestServer(test);
    await sync(site, members(100));
    const job = await sync(site, members(3, { from: 50 }), 'mode=snapshot&ranges=10-19,45-54');
    assert.deepEqual(job.result, { success: true, message: job.stepMessage, count: 3, removed: 17 });
    const ids = [...(await site.balances()).keys()].map((key) => Number.parseInt(key, 10));
    const gone = new Set(Array.from({ length: 100 }, (_, at) => at + 1).filter((id) => !ids.includes(id)));
    assert.deepEqual([...gone], [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 45, 46, 47, 48, 49, 53, 54]);
  });

  it('applies records outside of them as a merge does', async (test) => {
    const site = await startTestServer(test);
    await sync(site, members(5));
    const records = [{ wp_user_id: 1, deleted: true }, ...members(1, { from: 2, balance: () => 7 })];
    const job = await sync(site, records, 'mode=snapshot&ranges=4-4');
    assert.equal(job.updated, 2);
    assert.deepEqual(
      [...(await site.balances())],
      [
        ['2 points', '7'],
        ['3 points', '30'],
        ['5 points', '50'],
      ],
    );
  });

  it('may overlap, in any order, and begin at 0, as the first range of checksums does', async (test) => {
    const site = await startTestServer(test);
    await sync(site, members(10));
    const job = await sync(site, members(1, { from: 9 }), 'mode=snapshot&ranges=4-5,0-2,3-4,2-3');
    assert.equal(job.result && 'removed' in job.result && job.result.removed, 5);
  });

  it('needs confirmRemoval where it would remove more than half of all balances of the site', async (test) => {
    const site = await startTestServer(test);
    await sync(site, members(100));
    const job = await sync(site, members(1), 'mode=snapshot&ranges=1-52');
    assert.equal(job.error?.code, 'REMOVAL_NOT_CONFIRMED');
    assert.match(job.error?.message ?? '', /51 of 100/);
    assert.equal((await sync(site, members(1), 'mode=snapshot&ranges=1-51')).status, 'completed');
    const confirmed = await sync(site, members(1), 'mode=snapshot&ranges=1-99&confirmRemoval=true');
    assert.equal(confirmed.status, 'completed');
    assert.deepEqual([...(await site.balances()).keys()], ['1 points', '100 points']);
  });

  it('is refused with ranges that can’t be read, and without mode=snapshot', async (test) => {
    const site = await startTestServer(test);
    for (const [query, message] of [
      ['ranges=1-2', /ranges need mode=snapshot/],
      ['mode=merge&ranges=1-2', /ranges need mode=snapshot/],
      ['mode=snapshot&ranges=', /ranges must be like 1000-1999,5000-5999/],
      ['mode=snapshot&ranges=1-', /ranges must be like/],
      ['mode=snapshot&ranges=1', /ranges must be like/],
      ['mode=snapshot&ranges=1-2-3', /ranges must be like/],
      ['mode=snapshot&ranges=-1-5', /ranges must be like/],
      ['mode=snapshot&ranges=a-b', /ranges must be like/],
      ['mode=snapshot&ranges=1-2&ranges=3-4', /ranges must be given once/],
      ['mode=snapshot&ranges=5-4', /ranges must not end before they begin, as 5-4 does/],
      [
        'mode=snapshot&ranges=1-9007199254740992',
        /ranges must be of whole numbers from 0 to 9007199254740991/,
      ],
    ] as const) {
      const { status, json } = await site.call(`${START}?${query}`, members(1));
      assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER'], query);
      assert.match(json.message as string, message, query);
    }
    assert.equal((await site.balances()).size, 0);
  });
});

describe('Ranges as pairs', () => {
  it('are read and merged', () => {
    const pairs = [
      [5, 9],
      [1, 2],
      [3, 3],
    ];
    assert.deepEqual(Ranges.parse(pairs), [
      [1, 3],
      [5, 9],
    ]);
  });

  it('are refused with the first thing that is wrong', () => {
    const many = Array.from({ length: 10_001 }, (_, at) => [at * 2, at * 2]);
    for (const [pairs, message] of [
      [undefined, 'must be pairs of ids like [[1000, 1999], [5000, 5999]]'],
      ['1-2', 'must be pairs of ids like [[1000, 1999], [5000, 5999]]'],
      [[1, 2], 'must be pairs of ids like [[1000, 1999], [5000, 5999]]'],
      [[[1, 2, 3]], 'must be pairs of ids like [[1000, 1999], [5000, 5999]]'],
      [[], 'must have at least one range, or be left out'],
      [[['1', '2']], 'must be of whole numbers from 0 to 9007199254740991'],
      [[[1, 2.5]], 'must be of whole numbers from 0 to 9007199254740991'],
      [[[-1, 2]], 'must be of whole numbers from 0 to 9007199254740991'],
      [[[2, 1]], 'must not end before they begin, as 2-1 does'],
      [many, 'must be at most 10000 once merged, not 10001: make them larger'],
    ] as const) {
      const issues = Ranges.safeParse(pairs).error?.issues.map((issue) => issue.message);
      assert.deepEqual(issues, [message]);
    }
    assert.equal(Ranges.parse(many.slice(1)).length, 10_000);
  });
});

async function sync(site: TestSite, records: object[], query = ''): Promise<JobJson> {
  const { status, json } = await site.call(`${START}?${query}`, records);
  assert.equal(status, 202, json.message as string);
  return site.waitFor(json.jobId as string, hasEnded);
}
