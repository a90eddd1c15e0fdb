import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';

const environment = { ARTLY_MAX_REJECTS: '70' };

describe('A job with more rejects than are kept', () => {
  it('counts all of them, and tells why the first ones were rejected', async (context) => {
    const site = await startTestServer(context, { environment });
    const jobId = await site.start([...members(10), ...bad(11, 200), ...members(5, { from: 211 })]);
    const job = await site.waitFor(jobId, hasEnded);
    assert.deepEqual([job.rejected, job.inserted, job.processed], [200, 15, 215]);
    const indexes = (await rejectsOf(site, jobId)).map(({ index }) => index);
    assert.deepEqual(
      indexes,
      Array.from({ length: 70 }, (_, at) => 10 + at),
    );
  });

  it('as a snapshot, leaves each rejected member the balance, also those whose reason is not kept', async (context) => {
    const site = await startTestServer(context, { environment });
    await site.waitFor(await site.start(members(300)), hasEnded);
    const { json } = await site.call('/artly/sync/points-balances/start?mode=snapshot', [
      ...members(1),
      ...bad(2, 200),
    ]);
    const job = await site.waitFor(json.jobId as string, hasEnded);
    assert.equal(job.status, 'completed');
    assert.equal((await site.balances()).size, 201);
  });
});

function bad(from: number, count: number): object[] {
  return members(count, { from }).map((member) => ({ ...member, email: 'nobody' }));
}

async function rejectsOf(site: TestSite, jobId: string): Promise<{ index: number }[]> {
  const text = await (await site.fetch(`/artly/sync/jobs/${jobId}/rejects`)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
