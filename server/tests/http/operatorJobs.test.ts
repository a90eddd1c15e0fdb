import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWithOperator, type TestOperator } from '../support/testOperator.ts';
import { hasEnded, members, TestSite } from '../support/testServer.ts';
import { TestClock, withMethods } from './spies.ts';

const BAD = { wp_user_id: 9, email: 'no address', points_balance: 1 };

describe('The jobs of all sites', () => {
  it('are listed newest first, with their sites, and page by page while others start', async (test) => {
    const { operator, site, server } = await startWithOperator(test);
    const { key } = await server.parts.sites.add('https://other.example');
    const other = new TestSite(site.url, key);
    const ids = [];
    for (let at = 0; at < 5; at += 1) {
      const shop = at % 2 === 0 ? site : other;
      const jobId = await shop.start(members(1));
      await shop.waitFor(jobId, hasEnded);
      ids.unshift(jobId);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = (await operator.call(`/operator/jobs?limit=2${cursor && `&cursor=${cursor}`}`)).json;
      seen.push(...page.jobs.map(({ jobId }) => jobId));
      cursor = page.nextCursor;
      await site.waitFor(await site.start(members(1)), hasEnded);
    }
    assert.deepEqual(seen, ids);
    const all = await list(operator, '');
    assert.deepEqual(
      new Set(all.map((job) => job.site.url)),
      new Set(['https://shop.example', 'https://other.example']),
    );
    assert.equal('siteId' in (all[0] ?? {}), false);
  });

  it('are chosen by site, state, type and time', async (test) => {
    const { operator, site, server } = await startWithOperator(test);
    const { key, site: made } = await server.parts.sites.add('https://other.example');
    const other = new TestSite(site.url, key);
    const mine = await site.start(members(1));
    const theirs = await other.start(members(1));
    await site.waitFor(mine, hasEnded);
    const job = await other.waitFor(theirs, hasEnded);
    const ids = async (query: string) => (await list(operator, query)).map(({ jobId }) => jobId);
    assert.deepEqual(await ids(`site=${made.siteId}`), [theirs]);
    assert.deepEqual(await ids('site=4711'), []);
    assert.deepEqual(await ids('status=completed'), [theirs, mine]);
    assert.deepEqual(await ids('status=failed,cancelled'), []);
    assert.deepEqual(await ids('type=users'), []);
    assert.deepEqual(await ids(`from=${job.createdAt}&site=${made.siteId}`), [theirs]);
    assert.deepEqual(await ids(`to=${job.createdAt}&site=${made.siteId}`), []);
  });

  it('refuse what they don’t understand, with a sentence', async (test) => {
    const { operator } = await startWithOperator(test);
    for (const [query, message] of Object.entries({
      'status=done': /status must be one or more of pending,/,
      'site=x': /site must be a whole number/,
      'site=99999999999': /site must be a whole number/,
      'cursor=abc': /cursor is unknown/,
      'from=yesterday': /from must be a time like/,
      'limit=1000': /limit must be a whole number from 1 to 200/,
    })) {
      const { status, json } = await operator.call(`/operator/jobs?${query}`);
      assert.deepEqual([status, json.error], [400, 'INVALID_PARAMETER'], query);
      assert.match(json.message, message);
    }
  });
});

describe('One job', () => {
  it('comes with its trail, its samples and whether it can be tried again', async (test) => {
    const { operator, site } = await startWithOperator(test);
    const jobId = await site.start([...members(120), BAD]);
    await site.waitFor(jobId, hasEnded);
    const { json } = await operator.call(`/operator/jobs/${jobId}`);
    assert.deepEqual([json.retryable, json.rejectsRetryable], [false, true]);
    const [{ attempt, outcome, inserted, rejected, reason }] = json.attempts;
    assert.deepEqual([attempt, outcome, inserted, rejected], [1, 'completed', 120, 1]);
    assert.match(reason, /^Done: 120 new/);
    assert.deepEqual(
      json.samples.map(({ attempt, processed }: { attempt: number; processed: number }) => [
        attempt,
        processed,
      ]),
      [
        [1, 0],
        [1, 50],
        [1, 100],
        [1, 121],
      ],
    );
    assert.equal((await operator.call('/operator/jobs/nobody')).json.error, 'JOB_NOT_FOUND');
  });

  it('is cancelled for good and tried again', async (test) => {
    let resting = true;
    const { operator, site } = await startWithOperator(test, {
      wrapStorage: withMethods((real) => ({ claim: async (job) => (resting ? undefined : real.claim(job)) })),
    });
    const jobId = await site.start(members(10));
    assert.match(
      (await operator.post(`/operator/jobs/${jobId}/cancel`)).json.message,
      /Cancelled after 0 of 10/,
    );
    assert.equal((await site.job(jobId)).status, 'cancelled');
    assert.equal((await operator.call(`/operator/jobs/${jobId}`)).json.retryable, true);
    resting = false;
    assert.equal((await operator.post(`/operator/jobs/${jobId}/retry`)).status, 202);
    await site.waitFor(jobId, ({ status }) => status === 'completed');
    const { json } = await operator.call(`/operator/jobs/${jobId}`);
    assert.deepEqual(
      json.audit.map(({ event, actor, ip }: Record<string, string>) => [event, actor, typeof ip]),
      [
        ['created', 'site https://shop.example', 'string'],
        ['cancelled', 'operator', 'string'],
        ['retried', 'operator', 'string'],
        ['started', 'worker', 'object'],
        ['completed', 'worker', 'object'],
      ],
    );
    assert.equal((await operator.post(`/operator/jobs/${jobId}/retry`)).json.error, 'JOB_NOT_RETRYABLE');
    for (const what of ['cancel', 'retry'])
      assert.equal((await operator.post(`/operator/jobs/nobody/${what}`)).json.error, 'JOB_NOT_FOUND');
  });

  it('has its rejected records tried again alone, as they were sent or mended, by the operator', async (test) => {
    const clock = new TestClock(Date.now());
    const { operator, site, server } = await startWithOperator(test, { clock });
    const jobId = await site.start([...members(2), BAD]);
    await site.waitFor(jobId, hasEnded);
    const retry = (of: string, body: object) => operator.post(`/operator/jobs/${of}/retry`, body);
    const asSent = await retry(jobId, { only: 'rejected' });
    assert.deepEqual(
      [asSent.status, asSent.json.message],
      [202, '1 of 1 rejected records are tried again, as a job of their own.'],
    );
    assert.equal((await site.waitFor(asSent.json.jobId, hasEnded)).rejected, 1);
    const records = [{ index: 2, record: { ...BAD, email: 'a@shop.example' } }];
    const mended = await retry(jobId, { only: 'rejected', records });
    assert.equal((await site.waitFor(mended.json.jobId, hasEnded)).inserted, 1);
    const { audit } = (await operator.call(`/operator/jobs/${mended.json.jobId}`)).json;
    assert.deepEqual([audit[0].event, audit[0].actor], ['created', 'operator']);
    const first = (await operator.call(`/operator/jobs/${jobId}`)).json;
    assert.deepEqual([first.audit.at(-1).event, first.audit.at(-1).actor], ['mended', 'operator']);
    assert.equal((await retry(mended.json.jobId, { only: 'rejected' })).json.error, 'NO_REJECTS');
    assert.equal((await retry('nobody', { only: 'rejected' })).json.error, 'JOB_NOT_FOUND');
    clock.move(2 * 3_600_000);
    await server.parts.sweep.dropOld();
    assert.equal((await retry(jobId, { only: 'rejected' })).json.error, 'RECORDS_DROPPED');
    assert.equal((await operator.call(`/operator/jobs/${jobId}`)).json.rejectsRetryable, false);
  });

  it('says that nothing can be tried again while it runs or where nothing was rejected', async (test) => {
    const { operator, site } = await startWithOperator(test, {
      wrapStorage: withMethods(() => ({ claim: async () => undefined })),
    });
    const jobId = await site.start([BAD]);
    assert.equal((await operator.call(`/operator/jobs/${jobId}`)).json.rejectsRetryable, false);
    const { json } = await operator.post(`/operator/jobs/${jobId}/retry`, { only: 'rejected' });
    assert.equal(json.error, 'JOB_NOT_RETRYABLE');
  });

  it('has its rejects as a file, or the first of them', async (test) => {
    const { operator, site } = await startWithOperator(test);
    const jobId = await site.start([...members(2), BAD, BAD, BAD]);
    await site.waitFor(jobId, hasEnded);
    const path = `/operator/jobs/${jobId}/rejects`;
    const headers = { authorization: 'Bearer a-token-of-the-tests' };
    const csv = await operator.text(`${path}?format=csv`, { headers });
    assert.equal(csv.headers.get('content-disposition'), `attachment; filename=rejects-${jobId}.csv`);
    assert.deepEqual(csv.text.split('\r\n').length, 5);
    const first = await operator.text(`${path}?format=ndjson&limit=2`, { headers });
    assert.equal(first.text.trim().split('\n').length, 2);
    const accepted = await operator.text(path, { headers: { ...headers, accept: 'text/csv' } });
    assert.equal(accepted.text, csv.text);
    assert.equal(accepted.headers.get('content-disposition'), null);
    assert.equal((await operator.call('/operator/jobs/nobody/rejects')).json.error, 'JOB_NOT_FOUND');
    assert.equal((await operator.call(`${path}?format=xml`)).json.error, 'INVALID_PARAMETER');
  });
});

describe('What waits, runs and ended', () => {
  it('is counted', async (test) => {
    const { operator, site } = await startWithOperator(test);
    await site.waitFor(await site.start([...members(3), BAD]), hasEnded);
    const { json: overview } = await operator.call('/operator/overview');
    const types = ['points-balances', 'points-events', 'users'];
    assert.deepEqual(overview, { success: true, pending: 0, running: 0, hasSites: true, types });
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const to = new Date(Date.now() + 3_600_000).toISOString();
    const { json } = await operator.call(`/operator/activity?from=${from}&to=${to}&step=hour`);
    const none = { completed: 0, failed: 0, cancelled: 0, records: 0, rejected: 0 };
    assert.deepEqual(json.steps[0], { at: from, ...none, completed: 1, records: 4, rejected: 1 });
    assert.equal(json.steps.length, 2);
  });

  it('refuses more steps than anyone can look at', async (test) => {
    const { operator } = await startWithOperator(test);
    for (const [query, message] of Object.entries({
      'from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&step=minute': /there may be 1000 steps/,
      'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&step=day': /to must be after from/,
      'from=2026-01-02T00:00:00Z&step=day': /to /,
      'from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&step=year': /step must be minute, hour or day/,
    })) {
      const { status, json } = await operator.call(`/operator/activity?${query}`);
      assert.equal(status, 400, query);
      assert.match(json.message, message);
    }
  });
});

interface Page {
  jobs: { jobId: string; site: { url: string } }[];
  nextCursor: string | null;
}

async function list(operator: TestOperator, query: string): Promise<Page['jobs']> {
  return ((await operator.call(`/operator/jobs?${query}`)).json as Page).jobs;
}
