import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Clock } from '../../src/services/clock.ts';
import { hasEnded, members, startTestServer, TestSite } from '../support/testServer.ts';
import { RawRequest, requestHead } from './rawRequest.ts';
import { VersionSpy, withMethods } from './spies.ts';

const START = '/artly/sync/points-balances/start';
const entry = (wp_user_id: number, points_balance: number) => ({
  wp_user_id,
  points_balance,
  email: `member${wp_user_id}@shop.example`,
});

describe('An older job that is retried after a newer one', () => {
  it('changes nothing that the newer one changed, left unchanged, or removed', async (test) => {
    const { shop, rest } = await serverWithRest(test);
    await shop.waitFor(await shop.start([1, 2, 3].map((id) => entry(id, 100))), hasEnded);
    const older = await cancelledJob(
      { shop, rest },
      [1, 2, 3, 4, 5, 6].map((id) => entry(id, 1)),
    );
    const newer = await shop.waitFor(
      await shop.start([
        entry(1, 200),
        entry(2, 100),
        { wp_user_id: 3, deleted: true },
        entry(4, 400),
        { wp_user_id: 5, deleted: true },
      ]),
      hasEnded,
    );
    assert.deepEqual([newer.inserted, newer.updated, newer.unchanged], [1, 2, 2]);
    await shop.call(`/artly/sync/jobs/${older}/retry`, {});
    const job = await shop.waitFor(older, hasEnded);
    assert.deepEqual([job.status, job.inserted, job.updated, job.unchanged], ['completed', 1, 0, 5]);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 points', '200'],
        ['2 points', '100'],
        ['4 points', '400'],
        ['6 points', '1'],
      ],
    );
  });

  it('removes nothing that the newer one brought', async (test) => {
    const { shop, rest } = await serverWithRest(test);
    const older = await cancelledJob(
      { shop, rest },
      [1, 2].map((wp_user_id) => ({ wp_user_id, deleted: true })),
    );
    await shop.waitFor(await shop.start([entry(1, 10)]), hasEnded);
    await shop.call(`/artly/sync/jobs/${older}/retry`, {});
    const job = await shop.waitFor(older, hasEnded);
    assert.deepEqual([job.updated, job.unchanged], [0, 2]);
    assert.deepEqual([...(await shop.balances())], [['1 points', '10']]);
  });

  it('gives way by type of points, not by member', async (test) => {
    const { shop, rest } = await serverWithRest(test);
    const older = await cancelledJob({ shop, rest }, [entry(1, 1), { ...entry(1, 2), points_type: 'gems' }]);
    await shop.waitFor(await shop.start([entry(1, 10)]), hasEnded);
    await shop.call(`/artly/sync/jobs/${older}/retry`, {});
    await shop.waitFor(older, hasEnded);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 gems', '2'],
        ['1 points', '10'],
      ],
    );
  });

  it('lets a still newer job bring a removed balance back', async (test) => {
    const shop = await startTestServer(test);
    await shop.waitFor(await shop.start([entry(1, 1)]), hasEnded);
    await shop.waitFor(await shop.start([{ wp_user_id: 1, deleted: true }]), hasEnded);
    const job = await shop.waitFor(await shop.start([entry(1, 3)]), hasEnded);
    assert.equal(job.inserted, 1);
    assert.deepEqual([...(await shop.balances())], [['1 points', '3']]);
  });
});

describe('A slow upload begun before a newer job', () => {
  it('brings no old value, and brings nothing removed back', async (test) => {
    const opened = Promise.withResolvers<void>();
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        openUpload: async (job) => {
          await real.openUpload(job);
          opened.resolve();
        },
      })),
    });
    const body = JSON.stringify([entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 1)]);
    const slow = new RawRequest(shop.url);
    await slow.write(
      requestHead(START, {
        'x-artly-secret': shop.key,
        'content-type': 'application/json',
        'content-length': body.length,
      }),
    );
    await slow.write(body.slice(0, 30));
    await opened.promise;
    await shop.waitFor(await shop.start([entry(1, 50), entry(2, 50), entry(3, 50)]), hasEnded);
    await shop.waitFor(await shop.start([entry(1, 50), { wp_user_id: 2, deleted: true }]), hasEnded);
    await slow.write(body.slice(30));
    const { jobId } = JSON.parse((await slow.answer).split('\r\n\r\n')[1] as string);
    const job = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual([job.inserted, job.updated, job.unchanged], [1, 0, 3]);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 points', '50'],
        ['3 points', '50'],
        ['4 points', '1'],
      ],
    );
  });
});

describe('Jobs of one site and type', () => {
  it('run one at a time, in the order they were created', async (test) => {
    const spy = new VersionSpy();
    // Time flies at each look at the clock, so that a turn is one batch and every job needs several.
    let now = 0;
    const clock: Clock = { now: () => ++now * 60, random: () => 0.5 };
    const shop = await startTestServer(test, { clock, wrapStorage: spy.wrapStorage });
    const jobIds: string[] = [];
    for (let n = 1; n <= 6; n += 1) jobIds.push(await shop.start(members(700, { balance: () => n })));
    await shop.waitFor(jobIds.at(-1) as string, hasEnded);
    let running: string | undefined;
    const began: string[] = [];
    for (const { jobId, status } of spy.versions) {
      if (status === 'running') {
        if (running === undefined) began.push(jobId);
        running ??= jobId;
        assert.equal(running, jobId, 'two jobs ran at once');
      }
      if (status === 'completed') running = undefined;
    }
    assert.deepEqual(began, jobIds);
    assert.deepEqual(new Set((await shop.balances()).values()), new Set(['6']));
  });
});

describe('Sites', () => {
  it('take turns: a small job ends while a large one of another site runs', async (test) => {
    const shop = await startTestServer(test);
    const { key } = await shop.server.parts.sites.add('https://small.example');
    const small = new TestSite(shop.url, key);
    const large = await shop.start(members(150_000));
    await shop.waitFor(large, ({ status }) => status === 'running');
    const job = await small.waitFor(await small.start(members(500)), hasEnded);
    assert.equal(job.status, 'completed');
    const { status, processed } = await shop.job(large);
    assert.equal(status, 'running', `the large one had settled ${processed}`);
    await shop.call('/artly/sync/points-balances/cancel', { jobId: large });
  });
});

/** A server whose worker leaves every job pending while it rests. */
async function serverWithRest(test: TestContext) {
  const rest = { on: false };
  const shop = await startTestServer(test, {
    wrapStorage: withMethods((real) => ({
      claim: async (job) => (rest.on ? undefined : real.claim(job)),
    })),
  });
  return { shop, rest };
}

/** A job that was cancelled before its first record, and can be retried. */
async function cancelledJob(
  { shop, rest }: { shop: TestSite; rest: { on: boolean } },
  records: object[],
): Promise<string> {
  rest.on = true;
  const jobId = await shop.start(records);
  await shop.call('/artly/sync/points-balances/cancel', { jobId });
  rest.on = false;
  assert.equal((await shop.job(jobId)).processed, 0);
  return jobId;
}
