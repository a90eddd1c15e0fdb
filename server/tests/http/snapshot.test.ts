import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnded, type JobJson, members, startTestServer, type TestSite } from '../support/testServer.ts';

describe('A snapshot', () => {
  it('removes the balances that it does not carry, and counts them', async (context) => {
    const site = await startTestServer(context);
    await sync(site, members(100));
    const job = await sync(site, members(60), 'mode=snapshot');
    assert.equal(job.status, 'completed');
    assert.deepEqual(job.result, { success: true, message: job.stepMessage, count: 60, removed: 40 });
    assert.match(job.stepMessage, /40 removed/);
    assert.deepEqual(
      [...(await site.balances()).keys()],
      members(60).map((_, at) => `${at + 1} points`),
    );
  });

  it('removes across many slices, with others served meanwhile', async (context) => {
    const site = await startTestServer(context);
    await sync(site, members(40_000));
    const job = await sync(site, members(100), 'mode=snapshot&confirmRemoval=true');
    assert.equal(job.result && 'removed' in job.result && job.result.removed, 39_900);
    assert.equal((await site.balances()).size, 100);
  });

  it('removes nothing of a type of points that it does not carry', async (context) => {
    const site = await startTestServer(context);
    const gems = members(10).map((member) => ({ ...member, points_type: 'gems' }));
    await sync(site, [...members(10), ...gems]);
    await sync(
      site,
      [...members(8), ...members(1).map((member) => ({ ...member, deleted: true }))],
      'mode=snapshot',
    );
    const keys = [...(await site.balances()).keys()];
    assert.equal(keys.filter((key) => key.endsWith('gems')).length, 10);
    assert.equal(keys.filter((key) => key.endsWith('points')).length, 7);
  });

  it('keeps the balance of a member whose record was rejected', async (context) => {
    const site = await startTestServer(context);
    await sync(site, members(3));
    const job = await sync(
      site,
      [...members(2), { wp_user_id: 3, email: 'nonsense', points_balance: 9 }],
      'mode=snapshot',
    );
    assert.equal(job.rejected, 1);
    assert.equal((await site.balances()).get('3 points'), '30');
  });

  it('fails, and removes nothing, when it would remove more than half and nobody confirmed it', async (context) => {
    const site = await startTestServer(context);
    await sync(site, members(100));
    const job = await sync(site, members(49), 'mode=snapshot');
    assert.equal(job.status, 'failed');
    assert.equal(job.error?.code, 'REMOVAL_NOT_CONFIRMED');
    assert.match(job.error?.message ?? '', /51 of 100 balances.*confirmRemoval=true/);
    assert.equal((await site.balances()).size, 100);
    const confirmed = await sync(site, members(49), 'mode=snapshot&confirmRemoval=true');
    assert.equal(confirmed.status, 'completed');
    assert.equal((await site.balances()).size, 49);
  });

  it('may remove half', async (context) => {
    const site = await startTestServer(context);
    await sync(site, members(100));
    assert.equal((await sync(site, members(50), 'mode=snapshot')).status, 'completed');
  });

  it('never removes what a newer job brought, when it is retried after that', async (context) => {
    const site = await startTestServer(context);
    await sync(site, members(4));
    const old = await sync(site, members(1), 'mode=snapshot');
    assert.equal(old.status, 'failed');
    await sync(site, members(2, { from: 10 }));
    await sync(site, members(1, { from: 2 }));
    assert.equal((await site.call(`/artly/sync/jobs/${old.jobId}/retry`, {})).status, 202);
    const again = await site.waitFor(old.jobId, hasEnded);
    assert.equal(again.status, 'completed', again.stepMessage);
    assert.deepEqual([...(await site.balances()).keys()], ['1 points', '2 points', '10 points', '11 points']);
  });

  it('whose balances were removed can’t be undone by an older job', async (context) => {
    const site = await startTestServer(context);
    const old = await sync(site, members(3), 'mode=snapshot');
    await sync(site, members(2), 'mode=snapshot');
    const { status } = await site.call(`/artly/sync/jobs/${old.jobId}/retry`, {});
    assert.equal(status, 409);
    assert.equal((await site.balances()).size, 2);
  });

  it('is refused with another mode than there is', async (context) => {
    const site = await startTestServer(context);
    const { status, json } = await site.call('/artly/sync/points-balances/start?mode=all', members(1));
    assert.equal(status, 400);
    assert.equal(json.error, 'INVALID_PARAMETER');
    assert.match(json.message as string, /mode must be one of merge, snapshot/);
  });
});

async function sync(site: TestSite, records: object[], query = ''): Promise<JobJson> {
  const { json } = await site.call(`/artly/sync/points-balances/start?${query}`, records);
  return site.waitFor(json.jobId as string, hasEnded);
}
