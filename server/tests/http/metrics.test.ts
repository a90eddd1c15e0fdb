import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SyncError } from '../../src/domain/errors.ts';
import { badRecord } from '../support/batches.ts';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { withMethods } from './spies.ts';

const TYPE = 'type="points-balances"';

describe('Metrics', () => {
  it('count jobs, records, rejects and batches, and name no site, member or job', async (test) => {
    const shop = await startTestServer(test);
    const before = await scrape(shop);
    assert.equal(before.get(`artly_jobs_ended_total{${TYPE},outcome="failed"}`), 0);
    const first = await shop.start([...members(120), badRecord(501), badRecord(502)]);
    await shop.waitFor(first, hasEnded);
    await shop.waitFor(await shop.start(members(10)), hasEnded);
    const after = await scrape(shop);
    const values = {
      [`artly_jobs_ended_total{${TYPE},outcome="completed"}`]: 2,
      [`artly_records_settled_total{${TYPE},kind="inserted"}`]: 120,
      [`artly_records_settled_total{${TYPE},kind="updated"}`]: 0,
      [`artly_records_settled_total{${TYPE},kind="unchanged"}`]: 10,
      [`artly_records_settled_total{${TYPE},kind="rejected"}`]: 2,
      [`artly_rejects_received_total{${TYPE},code="EMAIL_INVALID"}`]: 2,
      artly_storage_up: 1,
    };
    for (const [series, value] of Object.entries(values)) assert.equal(after.get(series), value, series);
    assert.ok((after.get(`artly_batch_duration_seconds_count{${TYPE}}`) ?? 0) >= 4);
    const text = [...after.keys()].join('\n');
    for (const secret of [first, 'shop.example', shop.key]) assert.ok(!text.includes(secret), secret);
  });

  it('tell the jobs there are by state, and how long the oldest due one has waited', async (test) => {
    const clock = { now: () => now, random: Math.random };
    let now = Date.now();
    const shop = await startTestServer(test, {
      clock,
      wrapStorage: withMethods(() => ({ claim: async () => undefined })),
    });
    await shop.start(members(1));
    now += 90_000;
    const values = await scrape(shop);
    assert.equal(values.get(`artly_jobs{${TYPE},status="pending"}`), 1);
    assert.equal(values.get(`artly_jobs{${TYPE},status="completed"}`), 0);
    assert.equal(values.get('artly_queue_age_seconds'), 90);
  });

  it('ask the storage once, however many scrape at once', async (test) => {
    let asked = 0;
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        tallyJobs: async (at) => {
          asked += 1;
          return real.tallyJobs(at);
        },
      })),
    });
    await Promise.all(Array.from({ length: 20 }, () => scrape(shop)));
    assert.equal(asked, 1);
  });

  it('are answered while the storage is away, without what only it knows', async (test) => {
    const shop = await startTestServer(test, {
      wrapStorage: withMethods(() => ({
        tallyJobs: async () => {
          throw new SyncError('STORAGE_UNAVAILABLE', 'The disk is gone: look at it.');
        },
      })),
    });
    await assertBlind(shop);
  });

  it('are answered soon while the storage does not answer at all', async (test) => {
    const shop = await startTestServer(test, {
      wrapStorage: withMethods(() => ({ tallyJobs: () => new Promise(() => undefined) })),
    });
    const from = performance.now();
    await assertBlind(shop);
    assert.ok(performance.now() - from < 8_000);
  });

  it('count a retry that was asked for, and one after a failure that may pass', async (test) => {
    let failing = true;
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        applyNext: async (claim) => {
          if (failing) throw new SyncError('STORAGE_BUSY', 'Another program holds the database: wait.');
          return real.applyNext(claim);
        },
      })),
    });
    const jobId = await shop.start(members(1));
    await shop.waitFor(jobId, ({ stepMessage }) => stepMessage.startsWith('Trying again'));
    await shop.call(`/artly/sync/jobs/${jobId}/cancel`, {});
    failing = false;
    await shop.call(`/artly/sync/jobs/${jobId}/retry`, {});
    await shop.waitFor(jobId, hasEnded);
    const values = await scrape(shop);
    assert.equal(values.get(`artly_job_retries_total{${TYPE},cause="failure"}`), 1);
    assert.equal(values.get(`artly_job_retries_total{${TYPE},cause="asked"}`), 1);
    assert.equal(values.get(`artly_jobs_ended_total{${TYPE},outcome="cancelled"}`), 1);
  });

  it('count rejects of a batch that came twice once, and those whose reasons are not kept', async (test) => {
    const shop = await startTestServer(test, { environment: { ARTLY_MAX_REJECTS: '2' } });
    const { json } = await shop.call('/artly/sync/jobs', { type: 'points-balances' });
    for (let times = 0; times < 2; times += 1) {
      const answer = await shop.fetch(`/artly/sync/jobs/${json.jobId}/batches/0`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([badRecord(1), badRecord(2), badRecord(3)]),
      });
      assert.equal(answer.status, 200, await answer.text());
    }
    const values = await scrape(shop);
    assert.equal(values.get(`artly_rejects_received_total{${TYPE},code="EMAIL_INVALID"}`), 2);
    assert.equal(values.get(`artly_rejects_received_total{${TYPE},code="REASON_NOT_KEPT"}`), 1);
  });
});

describe('Requests', () => {
  it('are measured by the pattern of their route, method and class of status', async (test) => {
    const shop = await startTestServer(test);
    await shop.call('/artly/points-balances/4711');
    await shop.call('/artly/points-balances/4712');
    await shop.call('/nothing/of-the-kind?ticket=secret');
    await shop.call('/artly/sync/jobs', {});
    const values = await scrape(shop);
    const count = (labels: string) => values.get(`artly_http_request_duration_seconds_count{${labels}}`);
    assert.equal(count('route="/artly/points-balances/:wp_user_id",method="GET",status="4xx"'), 2);
    assert.equal(count('route="none",method="GET",status="4xx"'), 1);
    assert.equal(count('route="/artly/sync/jobs",method="POST",status="4xx"'), 1);
    assert.doesNotMatch([...values.keys()].join('\n'), /4711|of-the-kind|secret/);
  });
});

/** Every value of a scrape, by its series. */
async function scrape(shop: TestSite): Promise<Map<string, number>> {
  const response = await fetch(`${shop.url}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function assertBlind(shop: TestSite): Promise<void> {
  const values = await scrape(shop);
  assert.equal(values.get('artly_storage_up'), 0);
  const stale = [...values.keys()].filter((series) => /^artly_(jobs\{|queue_age)/.test(series));
  assert.deepEqual(stale, []);
  assert.equal(values.get(`artly_jobs_ended_total{${TYPE},outcome="failed"}`), 0);
}
