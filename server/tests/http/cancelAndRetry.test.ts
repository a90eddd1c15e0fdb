import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { SyncError } from '../../src/domain/errors.ts';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';
import { Gate, TestClock, withMethods } from './spies.ts';

const CANCEL = '/artly/sync/points-balances/cancel';
const HOUR = 3_600_000;

describe('A cancel', () => {
  it('of a running job ends it: the batch in hand stands, and nothing further is applied', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 3 });
    const jobId = await shop.start(members(300));
    await gate.reached;
    const { status, json } = await shop.call(CANCEL, { jobId });
    assert.equal(status, 200);
    assert.deepEqual(json, {
      success: true,
      message: 'Cancelled after 100 of 300 records; what was applied stays.',
      jobId,
    });
    gate.open();
    // A job behind it proves that the worker has let go of this one.
    await shop.waitFor(
      await shop.start([{ wp_user_id: 1000, email: 'a@b.example', points_balance: 1 }]),
      hasEnded,
    );
    const job = await shop.job(jobId);
    assert.deepEqual([job.status, job.processed, job.inserted, job.progress], ['cancelled', 100, 100, 33]);
    assert.deepEqual([job.result, job.error], [null, null]);
    assert.notEqual(job.completedAt, null);
    assert.equal((await shop.balances()).size, 101);
  });

  it('of a pending job ends it before its first record', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 1 });
    const first = await shop.start(members(10));
    await gate.reached;
    const second = await shop.start(members(10, { from: 100 }));
    assert.equal((await shop.job(second)).status, 'pending');
    const { json } = await shop.call(`/artly/sync/jobs/${second}/cancel`, {});
    assert.equal(json.message, 'Cancelled after 0 of 10 records; what was applied stays.');
    gate.open();
    await shop.waitFor(first, hasEnded);
    assert.equal((await shop.job(second)).status, 'cancelled');
    assert.equal((await shop.balances()).size, 10);
  });

  it('of a job that has ended is answered with 200 and says so, and changes nothing', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const before = await shop.waitFor(jobId, hasEnded);
    for (const path of [CANCEL, `/artly/sync/jobs/${jobId}/cancel`]) {
      const { status, json } = await shop.call(path, { jobId });
      assert.deepEqual(
        [status, json],
        [200, { success: true, message: 'The job had ended before: it is completed.', jobId }],
      );
    }
    assert.deepEqual(await shop.job(jobId), before);
  });

  it('given twice, also at the same moment, cancels once', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 2 });
    const jobId = await shop.start(members(100));
    await gate.reached;
    const answers = await Promise.all([1, 2, 3, 4].map(() => shop.call(CANCEL, { jobId })));
    gate.open();
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    const messages = answers.map(({ json }) => json.message).sort();
    assert.match(messages[0] as string, /^Cancelled after 50 of 100/);
    assert.deepEqual(messages.slice(1), Array(3).fill('The job had ended before: it is cancelled.'));
    const { json } = await shop.call(`/artly/sync/jobs/${jobId}/audit`);
    assert.equal((json.audit as { event: string }[]).filter(({ event }) => event === 'cancelled').length, 1);
  });

  it('needs no body at the address of the job', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 1 });
    const jobId = await shop.start(members(1));
    await gate.reached;
    const response = await shop.fetch(`/artly/sync/jobs/${jobId}/cancel`, { method: 'POST' });
    gate.open();
    assert.equal(response.status, 200);
    assert.equal((await shop.job(jobId)).status, 'cancelled');
  });

  it('while the old endpoint waits makes that answer 409', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 2 });
    const answer = shop.call('/artly/sync/points-balances', members(100));
    await gate.reached;
    const { json } = await shop.call('/artly/sync/jobs');
    const [{ jobId }] = json.jobs as [{ jobId: string }];
    await shop.call(CANCEL, { jobId });
    gate.open();
    const { status, json: refused } = await answer;
    assert.deepEqual([status, refused.error], [409, 'JOB_CANCELLED']);
    assert.match(refused.message as string, new RegExp(`${jobId}.*50 of 100`));
  });
});

describe('A retry', () => {
  it('of a cancelled job runs all of it again, as the next attempt', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 2 });
    const jobId = await shop.start(members(120));
    await gate.reached;
    await shop.call(CANCEL, { jobId });
    gate.open();
    const version = (await shop.job(jobId)).version;
    const { status, json } = await shop.call(`/artly/sync/jobs/${jobId}/retry`, {});
    assert.equal(status, 202);
    assert.deepEqual(json, { success: true, jobId, message: 'Attempt 2 starts from the first record.' });
    const job = await shop.waitFor(jobId, ({ status }) => status === 'completed');
    assert.deepEqual([job.attempt, job.processed, job.inserted, job.unchanged], [2, 120, 70, 50]);
    assert.ok(job.version > version);
    assert.equal((await shop.balances()).size, 120);
  });

  it('of a failed job clears its error', async (test) => {
    let broken = true;
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        applyNext: async (claim) => {
          if (broken) throw new SyncError('STORAGE_DAMAGED', 'The database file is damaged.');
          return real.applyNext(claim);
        },
      })),
    });
    const jobId = await shop.start(members(3));
    const failed = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual(failed.error, { code: 'STORAGE_DAMAGED', message: 'The database file is damaged.' });
    broken = false;
    await shop.call(`/artly/sync/jobs/${jobId}/retry`, {});
    const job = await shop.waitFor(jobId, ({ status }) => status === 'completed');
    assert.deepEqual([job.error, job.attempt, job.inserted], [null, 2, 3]);
  });

  it('of a completed, a pending and a running job is refused, and changes nothing', async (test) => {
    const { shop, gate } = await serverThatStopsAt(test, { batch: 3 });
    const completed = await shop.start(members(60));
    await shop.waitFor(completed, hasEnded);
    const running = await shop.start(members(60, { from: 100 }));
    await gate.reached;
    const pending = await shop.start(members(1));
    for (const [jobId, state] of [
      [completed, 'completed'],
      [running, 'running'],
      [pending, 'pending'],
    ] as const) {
      const before = await shop.job(jobId);
      const { status, json } = await shop.call(`/artly/sync/jobs/${jobId}/retry`, {});
      assert.deepEqual([status, json.error], [409, 'JOB_NOT_RETRYABLE']);
      assert.match(json.message as string, new RegExp(`is ${state}:`));
      assert.deepEqual(await shop.job(jobId), before);
    }
    gate.open();
    await shop.waitFor(pending, hasEnded);
  });

  it('is possible for an hour, and refused once the records are dropped', async (test) => {
    const clock = new TestClock();
    const { shop, gate } = await serverThatStopsAt(test, { batch: 1, clock });
    const jobId = await shop.start(members(10));
    await gate.reached;
    await shop.call(CANCEL, { jobId });
    gate.open();
    clock.move(HOUR);
    await shop.server.parts.sweep.dropOld();
    assert.equal((await shop.call(`/artly/sync/jobs/${jobId}/retry`, {})).status, 202);
    const again = await shop.waitFor(jobId, hasEnded);
    assert.equal(again.status, 'completed');

    const { shop: other, gate: otherGate } = await serverThatStopsAt(test, { batch: 1, clock });
    const dropped = await other.start(members(10));
    await otherGate.reached;
    await other.call(CANCEL, { jobId: dropped });
    otherGate.open();
    clock.move(HOUR + 1);
    await other.server.parts.sweep.dropOld();
    const { status, json } = await other.call(`/artly/sync/jobs/${dropped}/retry`, {});
    assert.deepEqual([status, json.error], [409, 'RECORDS_DROPPED']);
    assert.equal((await other.job(dropped)).status, 'cancelled');
  });
});

/** The worker waits at a gate before it applies the nth batch (from 1) that this server applies. */
async function serverThatStopsAt(test: TestContext, { batch, clock }: { batch: number; clock?: TestClock }) {
  const gate = new Gate();
  let applied = 0;
  const shop = await startTestServer(test, {
    ...(clock && { clock }),
    wrapStorage: withMethods((real) => ({
      applyNext: async (claim) => {
        applied += 1;
        if (applied === batch) await gate.pass();
        return real.applyNext(claim);
      },
    })),
  });
  test.after(() => gate.open());
  return { shop, gate };
}
