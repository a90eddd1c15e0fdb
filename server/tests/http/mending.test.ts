import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { TestClock } from './spies.ts';

const HOUR = 3_600_000;
const BAD = [
  { wp_user_id: 101, email: 'nobody', points_balance: 1 },
  { wp_user_id: 102, email: 'b@shop.example', points_balance: 'many' },
  { email: 'c@shop.example', points_balance: 3 },
];

describe('A retry of only the rejected records', () => {
  it('takes mended records in place of what was sent, and ends with all records standing', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start([...members(3), ...BAD]);
    const before = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual([before.inserted, before.rejected], [3, 3]);
    const { status, json } = await retry(shop, jobId, {
      only: 'rejected',
      records: [
        { index: 3, record: { wp_user_id: 101, email: 'a@shop.example', points_balance: 1 } },
        { index: 4, record: { wp_user_id: 102, email: 'b@shop.example', points_balance: 2.5 } },
        { index: 5, record: { wp_user_id: 103, email: 'c@shop.example', points_balance: 3 } },
      ],
    });
    assert.deepEqual(
      [status, json.message],
      [202, '3 of 3 rejected records are tried again, as a job of their own.'],
    );
    assert.notEqual(json.jobId, jobId);
    const job = await shop.waitFor(json.jobId as string, hasEnded);
    assert.deepEqual([job.status, job.total, job.inserted, job.rejected], ['completed', 3, 3, 0]);
    assert.equal((await shop.balances()).size, 6);
    assert.deepEqual(await shop.job(jobId), before);
  });

  it('reads the records that were not mended as they were sent', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start([...members(1), ...BAD]);
    await shop.waitFor(jobId, hasEnded);
    const mended = [{ index: 1, record: { wp_user_id: 101, email: 'a@shop.example', points_balance: 1 } }];
    const { json } = await retry(shop, jobId, { only: 'rejected', records: mended });
    const job = await shop.waitFor(json.jobId as string, hasEnded);
    assert.deepEqual([job.inserted, job.rejected], [1, 2]);
    const rejects = await (await shop.fetch(`/artly/sync/jobs/${job.jobId}/rejects`)).text();
    assert.deepEqual(
      rejects
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).code),
      ['BALANCE_NOT_A_NUMBER', 'WP_USER_ID_MISSING'],
    );
  });

  it('brings no old value back', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start([...members(1), BAD[0] as object]);
    await shop.waitFor(jobId, hasEnded);
    await shop.waitFor(
      await shop.start([{ ...BAD[0], email: 'a@shop.example', points_balance: 99 }]),
      hasEnded,
    );
    const mended = [{ index: 1, record: { wp_user_id: 101, email: 'a@shop.example', points_balance: 1 } }];
    const { json } = await retry(shop, jobId, { only: 'rejected', records: mended });
    assert.equal((await shop.waitFor(json.jobId as string, hasEnded)).unchanged, 1);
    assert.equal((await shop.balances()).get('101 points'), '99');
  });

  it('stands in the trails of both jobs, and the attempts say what they did', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start([...members(2), ...BAD]);
    await shop.waitFor(jobId, hasEnded);
    const { json } = await retry(shop, jobId, { only: 'rejected' });
    const { json: trail } = await shop.call(`/artly/sync/jobs/${jobId}/audit`);
    const last = (trail.audit as { event: string; detail: string }[]).at(-1);
    assert.deepEqual([last?.event, last?.detail], ['mended', `its rejected records are job ${json.jobId}`]);
    const [attempt] = trail.attempts as Record<string, unknown>[];
    const { outcome, inserted, rejected } = attempt ?? {};
    assert.deepEqual([outcome, inserted, rejected], ['completed', 2, 3]);
  });

  it('is refused, with what to do, where there is nothing to try', async (test) => {
    const clock = new TestClock();
    const shop = await startTestServer(test, { clock });
    const [good, bad] = [await shop.start(members(1)), await shop.start(BAD)];
    for (const jobId of [good, bad]) await shop.waitFor(jobId, hasEnded);
    const only = 'rejected';
    assert.deepEqual(await refusal(shop, good, { only }), [409, 'NO_REJECTS']);
    assert.deepEqual(await refusal(shop, bad, { only: 'all' }), [400, 'INVALID_PARAMETER']);
    assert.deepEqual(await refusal(shop, bad, { records: [{ index: 0, record: {} }] }), [
      400,
      'INVALID_PARAMETER',
    ]);
    assert.deepEqual(await refusal(shop, bad, { only, records: [{ index: 0 }] }), [400, 'INVALID_PARAMETER']);
    assert.deepEqual(await refusal(shop, bad, { only, records: [{ index: 7, record: {} }] }), [
      400,
      'INVALID_PARAMETER',
    ]);
    assert.deepEqual(await refusal(shop, 'unknown', { only }), [404, 'JOB_NOT_FOUND']);
    clock.move(HOUR + 1);
    await shop.server.parts.sweep.dropOld();
    assert.deepEqual(await refusal(shop, bad, { only }), [409, 'RECORDS_DROPPED']);
    assert.equal((await shop.balances()).size, 1);
  });

  it('is refused while the job runs or waits', async (test) => {
    const shop = await startTestServer(test, {
      wrapStorage: (real) => ({ ...real, claim: async () => undefined }),
    });
    const jobId = await shop.start(BAD);
    assert.deepEqual(await refusal(shop, jobId, { only: 'rejected' }), [409, 'JOB_NOT_RETRYABLE']);
  });

  it('takes as many as reasons were kept, and says so', async (test) => {
    const shop = await startTestServer(test, { environment: { ARTLY_MAX_REJECTS: '2' } });
    const jobId = await shop.start([...members(1), ...BAD]);
    await shop.waitFor(jobId, hasEnded);
    const { json } = await retry(shop, jobId, { only: 'rejected' });
    assert.equal(json.message, '2 of 3 rejected records are tried again, as a job of their own.');
  });
});

function retry(shop: TestSite, jobId: string, body: object) {
  return shop.call(`/artly/sync/jobs/${jobId}/retry`, body);
}

async function refusal(shop: TestSite, jobId: string, body: object) {
  const { status, json } = await retry(shop, jobId, body);
  assert.ok((json.message as string).length > 20);
  return [status, json.error];
}
