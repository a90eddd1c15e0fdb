import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemberShop, membersBeforeAndAfter, type ShopMember } from '../support/memberShop.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';

const MEMBERS = 20_000;

describe('A shop that sends only what differs', () => {
  it('makes all balances equal with a small share of the bytes', async (test) => {
    const seed = seedOfRun();
    test.diagnostic(`ARTLY_TEST_SEED=${seed}`);
    const site = await startTestServer(test);
    const all = members(MEMBERS, { balance: (id) => (id % 1_000) - 300 + (id % 7) / 8 }) as ShopMember[];
    const { before, after } = membersBeforeAndAfter(all, seededRandom(seed));
    await site.waitFor(await site.start(before), hasEnded);

    const shop = new MemberShop(after, (path, init) => site.fetch(path, init));
    const jobId = await shop.sendDifferences();
    const job = await site.waitFor(jobId as string, hasEnded);
    assert.equal(job.status, 'completed', job.stepMessage);
    const { inserted, updated, unchanged, rejected } = job;
    assert.deepEqual(
      { inserted, updated, unchanged, rejected },
      { inserted: 50, updated: 100, unchanged: 0, rejected: 0 },
    );
    assert.equal(job.result && 'removed' in job.result && job.result.removed, 50);

    assert.deepEqual(await balancesOf(site), after.map(asText));
    const whole = shop.wholeBody().length;
    const { bytesSent, bytesRead, requests } = shop;
    test.diagnostic(`${bytesSent} bytes sent and ${bytesRead} read in ${requests} requests, for ${whole}`);
    assert.ok(bytesSent <= 0.02 * whole, `${bytesSent} bytes sent for ${whole}`);
    assert.ok(bytesRead <= 0.12 * whole, `${bytesRead} bytes read for ${whole}`);

    shop.requests = 0;
    assert.equal(await shop.sendDifferences(), undefined, 'nothing differs any more');
    assert.equal(shop.requests, 1);
  });

  it('finds the members that only one side has, at the ends of all ids', async (test) => {
    const site = await startTestServer(test);
    const all = members(3_000) as ShopMember[];
    await site.waitFor(await site.start(all.slice(0, -1)), hasEnded);
    const shop = new MemberShop(all.slice(1), (path, init) => site.fetch(path, init));
    const job = await site.waitFor((await shop.sendDifferences()) as string, hasEnded);
    assert.equal(job.status, 'completed', job.stepMessage);
    assert.deepEqual(await balancesOf(site), all.slice(1).map(asText));
  });

  it('can remove where it has nothing to send', async (test) => {
    const site = await startTestServer(test);
    const all = members(3_000) as ShopMember[];
    await site.waitFor(await site.start(all), hasEnded);
    const left = all.filter(({ wp_user_id }) => wp_user_id % 500 !== 7);
    const shop = new MemberShop(left, (path, init) => site.fetch(path, init));
    const job = await site.waitFor((await shop.sendDifferences()) as string, hasEnded);
    assert.equal(job.status, 'completed', job.stepMessage);
    assert.deepEqual(await balancesOf(site), left.map(asText));
  });
});

/** All that the server has of each member, in its order. */
async function balancesOf(site: TestSite): Promise<string[]> {
  const response = await site.fetch('/artly/points-balances', {
    headers: { accept: 'application/x-ndjson' },
  });
  const lines = (await response.text()).trim().split('\n');
  return lines.map((line) => asText(JSON.parse(line) as ShopMember));
}

function asText({ wp_user_id, email, points_balance }: ShopMember): string {
  return `${wp_user_id} ${email} ${points_balance}`;
}
