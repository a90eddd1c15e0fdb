import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { batchesOf } from '../support/batches.ts';
import { hasEnded, type JobJson, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { TestClock, withMethods } from './spies.ts';

const LIST = '/artly/sync/jobs';
const DAY = 86_400_000;

describe('The list of jobs', () => {
  it('is newest first, page by page, and stays itself when new jobs come in', async (test) => {
    const shop = await startTestServer(test);
    const jobIds = await startMany(shop, 7);
    const first = await list(shop, '?limit=3');
    assert.deepEqual(idsOf(first.jobs), jobIds.slice(4).reverse());
    await startMany(shop, 2);
    const second = await list(shop, `?limit=3&cursor=${first.nextCursor}`);
    assert.deepEqual(idsOf(second.jobs), jobIds.slice(1, 4).reverse());
    const third = await list(shop, `?limit=3&cursor=${second.nextCursor}`);
    assert.deepEqual(idsOf(third.jobs), jobIds.slice(0, 1));
    assert.equal(third.nextCursor, null);
  });

  it('has no further page when it ends exactly at the limit', async (test) => {
    const shop = await startTestServer(test);
    await startMany(shop, 3);
    assert.equal((await list(shop, '?limit=3')).nextCursor, null);
  });

  it('can be narrowed to a state and a type', async (test) => {
    const shop = await startTestServer(test);
    const jobIds = await startMany(shop, 2);
    assert.deepEqual(idsOf((await list(shop, '?status=completed')).jobs), [...jobIds].reverse());
    assert.deepEqual((await list(shop, '?status=failed')).jobs, []);
    assert.equal((await list(shop, '?type=points-balances&status=completed')).jobs.length, 2);
    assert.deepEqual((await list(shop, '?type=users')).jobs, []);
  });

  it('does not show a job that is still coming in', async (test) => {
    const shop = await startTestServer(test);
    await shop.server.parts.storage.openUpload({ jobId: 'open', siteId: 1, type: 'points-balances', now: 1 });
    assert.deepEqual((await list(shop)).jobs, []);
    assert.equal((await shop.call(`${LIST}/open`)).status, 404);
  });
});

describe('An upload whose process is gone', () => {
  it('goes after 24 hours, and no earlier', async (test) => {
    const clock = new TestClock();
    const shop = await startTestServer(test, { clock });
    const { sweep, storage } = shop.server.parts;
    const job = { siteId: 1, type: 'points-balances', now: clock.now() };
    await storage.openUpload({ jobId: 'left', ...job });
    clock.move(DAY);
    await sweep.dropOld();
    await storage.stage({ jobId: 'left', batches: [], now: clock.now() });
    clock.move(DAY + 1);
    await sweep.dropOld();
    await assert.rejects(storage.stage({ jobId: 'left', batches: [], now: clock.now() }));
  });
});

describe('The audit trail', () => {
  it('says who did what to a job, when, and from where', async (test) => {
    const clock = new TestClock(Date.UTC(2026, 4, 1));
    const rest = { on: true };
    const shop = await startTestServer(test, {
      clock,
      wrapStorage: withMethods((real) => ({ claim: async (job) => (rest.on ? undefined : real.claim(job)) })),
    });
    const jobId = await shop.start(members(2));
    clock.move(1_000);
    await shop.call(`${LIST}/${jobId}/cancel`, {});
    clock.move(1_000);
    rest.on = false;
    await shop.call(`${LIST}/${jobId}/retry`, {});
    await shop.waitFor(jobId, hasEnded);
    const { json } = await shop.call(`${LIST}/${jobId}/audit`);
    const site = { actor: 'site https://shop.example', ip: '127.0.0.1' };
    const worker = { actor: 'worker', ip: null };
    const at = (second: number) => `2026-05-01T00:00:0${second}.000Z`;
    assert.deepEqual(json, {
      success: true,
      audit: [
        { at: at(0), event: 'created', ...site, attempt: 1, detail: '2 records' },
        {
          at: at(1),
          event: 'cancelled',
          ...site,
          attempt: 1,
          detail: 'Cancelled after 0 of 2 records; what was applied stays.',
        },
        { at: at(2), event: 'retried', ...site, attempt: 2, detail: null },
        { at: at(2), event: 'started', ...worker, attempt: 2, detail: null },
        {
          at: at(2),
          event: 'completed',
          ...worker,
          attempt: 2,
          detail: 'Done: 2 new, 0 changed, 0 unchanged.',
        },
      ],
      attempts: [
        {
          ...{ attempt: 2, startedAt: at(2), endedAt: at(2), outcome: 'completed' },
          reason: 'Done: 2 new, 0 changed, 0 unchanged.',
          ...{ inserted: 2, updated: 0, unchanged: 0, rejected: 0 },
        },
      ],
    });
  });
});

describe('The rejected records of a job', () => {
  it('are lines of JSON, or CSV where that is asked for', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start([
      ...members(1),
      { wp_user_id: 7, email: 'a@b.example', points_balance: 'say "ten",\n=1+1' },
      { wp_user_id: 'x' },
    ]);
    await shop.waitFor(jobId, hasEnded);
    const lines = await shop.fetch(`${LIST}/${jobId}/rejects`);
    assert.match(lines.headers.get('content-type') ?? '', /^application\/x-ndjson/);
    const [first, second, ...more] = (await lines.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual([first.index, first.wp_user_id, first.code], [1, 7, 'BALANCE_NOT_A_NUMBER']);
    assert.deepEqual([second.index, second.wp_user_id, second.code], [2, null, 'WP_USER_ID_INVALID']);
    assert.deepEqual(more, []);
    const csv = await shop.fetch(`${LIST}/${jobId}/rejects`, { headers: { accept: 'text/csv' } });
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
    assert.equal(
      await csv.text(),
      'index,wp_user_id,code,message\r\n' +
        `1,7,BALANCE_NOT_A_NUMBER,"${first.message.replaceAll('"', '""')}"\r\n` +
        `2,,WP_USER_ID_INVALID,"${second.message.replaceAll('"', '""')}"\r\n`,
    );
  });

  it('come in full, in their order, however many they are', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(Array(2_500).fill(0));
    await shop.waitFor(jobId, hasEnded);
    const text = await (await shop.fetch(`${LIST}/${jobId}/rejects`)).text();
    const indexes = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).index);
    assert.deepEqual(
      indexes,
      Array.from({ length: 2_500 }, (_, at) => at),
    );
  });

  it('are nothing where none was rejected', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    await shop.waitFor(jobId, hasEnded);
    assert.equal(await (await shop.fetch(`${LIST}/${jobId}/rejects`)).text(), '');
  });
});

describe('The history', () => {
  it('stays for the days of ARTLY_JOB_RETENTION_DAYS, then job, rejects and audit are gone', async (test) => {
    const clock = new TestClock();
    const shop = await startTestServer(test, { clock, environment: { ARTLY_JOB_RETENTION_DAYS: '30' } });
    const { sweep } = shop.server.parts;
    const jobId = await shop.start([...members(2), 0]);
    await shop.waitFor(jobId, hasEnded);
    clock.move(30 * DAY);
    await sweep.dropOld();
    assert.equal((await shop.job(jobId)).rejected, 1);
    assert.notEqual(await (await shop.fetch(`${LIST}/${jobId}/rejects`)).text(), '');
    clock.move(1);
    await sweep.dropOld();
    for (const path of [`${LIST}/${jobId}`, `${LIST}/${jobId}/audit`, `${LIST}/${jobId}/rejects`]) {
      assert.equal((await shop.call(path)).status, 404, path);
    }
    assert.deepEqual((await list(shop)).jobs, []);
    assert.equal((await shop.balances()).size, 2);
  });

  it('keeps what has not ended, however old it is', async (test) => {
    const clock = new TestClock();
    const shop = await startTestServer(test, {
      clock,
      wrapStorage: withMethods(() => ({ claim: async () => undefined })),
    });
    const jobId = await shop.start(members(2));
    clock.move(1_000 * DAY);
    await shop.server.parts.sweep.dropOld();
    assert.equal((await shop.job(jobId)).status, 'pending');
  });

  it('remembers removed balances as long as it lasts, and forgets them then', async (test) => {
    const clock = new TestClock();
    const shop = await startTestServer(test, { clock });
    const { sweep, storage } = shop.server.parts;
    const [site] = await storage.listSites({});
    const actor = { name: 'a test', ip: null };
    // An upload that takes longer than the history, which no real one does: it shows what is remembered.
    const open = async (jobId: string) =>
      storage.openUpload({
        jobId,
        siteId: site?.siteId as number,
        type: 'points-balances',
        now: clock.now(),
      });
    const finish = async (jobId: string) => {
      const batches = batchesOf(members(1));
      await storage.accept({ jobId, batches, actor, now: clock.now() });
      await sweep.wakeDueJobs();
      return shop.waitFor(jobId, hasEnded);
    };
    await open('slow-1');
    await open('slow-2');
    await shop.waitFor(await shop.start(members(1)), hasEnded);
    await shop.waitFor(await shop.start([{ wp_user_id: 1, deleted: true }]), hasEnded);
    clock.move(90 * DAY);
    // Left alone for so long, they would go themselves.
    for (const jobId of ['slow-1', 'slow-2']) await storage.stage({ jobId, batches: [], now: clock.now() });
    await sweep.dropOld();
    assert.equal((await finish('slow-1')).unchanged, 1);
    assert.equal((await shop.balances()).size, 0);
    clock.move(1);
    await sweep.dropOld();
    assert.equal((await finish('slow-2')).inserted, 1);
  });
});

async function startMany(shop: TestSite, count: number): Promise<string[]> {
  const jobIds: string[] = [];
  for (let n = 0; n < count; n += 1) jobIds.push(await shop.start(members(1)));
  await shop.waitFor(jobIds.at(-1) as string, hasEnded);
  return jobIds;
}

async function list(shop: TestSite, query = ''): Promise<{ jobs: JobJson[]; nextCursor: string | null }> {
  const { status, json } = await shop.call(`${LIST}${query}`);
  assert.equal(status, 200);
  return json as unknown as { jobs: JobJson[]; nextCursor: string | null };
}

function idsOf(jobs: JobJson[]): string[] {
  return jobs.map(({ jobId }) => jobId);
}
