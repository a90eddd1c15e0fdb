import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlacedJob, PlacedJobFilter, Storage } from '../../src/storage/storage.ts';
import { badRecord, member } from '../support/batches.ts';
import { StorageLine } from '../support/storageLine.ts';

const MINUTE_MS = 60_000;

/** What the operator sees: jobs of all sites, how they came along, what ended when, and sites. */
export function operatorContract(storage: () => Storage): void {
  describe('for the operator', () => {
    placedJobsContract(storage);
    samplesContract(storage);
    endedContract(storage);
    sitesContract(storage);
  });
}

function placedJobsContract(storage: () => Storage): void {
  test('jobs of several sites come newest first, each with the address of its site', async () => {
    const [one, other] = await twoSites(storage(), 1_800_000_000_000);
    const oldest = (await one.job([member(1, 1)])).jobId;
    other.now += 1;
    const middle = (await other.job([member(1, 1)])).jobId;
    one.now += 2;
    const newest = (await one.job([member(1, 1)])).jobId;
    const found = await list(storage(), { from: 1_800_000_000_000, to: one.now + 1 });
    assert.deepEqual(
      found.map(({ job }) => job.jobId),
      [newest, middle, oldest],
    );
    const sites = await storage().listSites({});
    for (const { job, siteUrl } of found) {
      assert.equal(siteUrl, sites.find(({ siteId }) => siteId === job.siteId)?.url);
    }
  });

  test('pages of jobs have none twice and leave none out, also of one moment, and while jobs are added', async () => {
    const [one, other] = await twoSites(storage(), 1_810_000_000_000);
    const ids: string[] = [];
    for (let at = 0; at < 7; at += 1) ids.unshift((await (at % 2 ? one : other).job([member(1, at)])).jobId);
    const seen: string[] = [];
    let before: PlacedJobFilter['before'] = null;
    do {
      const page = await list(storage(), { from: one.now, to: one.now + 1_000, before, limit: 2 });
      seen.push(...page.map(({ job }) => job.jobId));
      before = page.at(-1)?.place ?? null;
      one.now += 1;
      await one.job([member(1, 1)]);
      one.now -= 1;
    } while (before !== null && seen.length < 20);
    assert.deepEqual(seen, ids);
  });

  test('jobs are chosen by state, site, type and time of creation, alone and together', async () => {
    const [one, other] = await twoSites(storage(), 1_820_000_000_000);
    const done = (await one.done([member(1, 1)])).jobId;
    const users = (await one.job([member(1, 1)], { type: 'users' })).jobId;
    other.now += MINUTE_MS;
    const theirs = (await other.job([member(1, 1)])).jobId;
    const span = { from: one.now, to: one.now + 2 * MINUTE_MS };
    const ids = async (filter: Partial<PlacedJobFilter>) =>
      (await list(storage(), { ...span, ...filter })).map(({ job }) => job.jobId);
    assert.deepEqual(await ids({}), [theirs, users]);
    assert.deepEqual(await ids({ status: 'completed' }), [done]);
    assert.deepEqual(await ids({ status: 'failed' }), []);
    assert.deepEqual(await ids({ siteId: one.siteId }), [users]);
    assert.deepEqual(await ids({ type: 'users' }), [users]);
    assert.deepEqual(await ids({ siteId: other.siteId, type: 'users' }), []);
    assert.deepEqual(await ids({ from: one.now + 1 }), [theirs]);
    assert.deepEqual(await ids({ to: one.now + MINUTE_MS }), [users]);
  });

  test('an upload that nobody sees is in no list, and a job in parts is', async () => {
    const line = await StorageLine.open(storage(), 1_830_000_000_000);
    const hidden = await line.upload();
    const jobId = crypto.randomUUID();
    const { siteId, now } = line;
    const rest = { expectedTotal: null, actor: { name: 'site shop', ip: null }, request: null };
    await storage().openParts({ jobId, siteId, type: 'points-balances', now, ...rest });
    const found = await list(storage(), { siteId });
    assert.deepEqual(
      found.map(({ job }) => job.jobId),
      [jobId],
    );
    const asked = await storage().findPlacedJobs({ jobIds: [hidden, jobId, 'nobody', "' OR 1=1 --"] });
    assert.deepEqual(
      asked.map(({ job }) => job.jobId),
      [jobId],
    );
    assert.deepEqual(await storage().findPlacedJobs({ jobIds: [] }), []);
  });

  test('a job that is found among all is the one that its site finds', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.done([member(1, 1)]);
    const [found] = await storage().findPlacedJobs({ jobIds: [jobId] });
    assert.deepEqual({ ...(await line.look(jobId)), ...found?.job }, found?.job);
    assert.deepEqual((await list(storage(), { siteId: line.siteId, status: 'completed' }))[0], found);
  });

  test('those that wait and those that run are counted', async () => {
    const before = await storage().countUnfinished({});
    const line = await StorageLine.open(storage());
    const first = await line.job([member(1, 1)]);
    await line.job([member(1, 1)]);
    await line.upload();
    await line.claimed(first.jobId);
    assert.deepEqual(await storage().countUnfinished({}), {
      pending: before.pending + 1,
      running: before.running + 1,
    });
  });
}

function samplesContract(storage: () => Storage): void {
  test('a job keeps where it stood when, from its start to its end', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => member(at + 1, 1)));
    const from = line.now;
    const claim = await line.claimed(jobId);
    for (let step = 1; step <= 3; step += 1) {
      await line.applyNext(claim);
      line.now += 1_000;
    }
    await line.complete(claim);
    assert.deepEqual(await storage().listSamples({ jobId }), [
      { attempt: 1, at: from, processed: 0 },
      { attempt: 1, at: from + 1_000, processed: 50 },
      { attempt: 1, at: from + 2_000, processed: 100 },
      { attempt: 1, at: from + 3_000, processed: 120 },
    ]);
  });

  test('a cancelled and retried job keeps each attempt, and one that only waited keeps nothing', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => member(at + 1, 1)));
    await line.applyNext(await line.claimed(jobId));
    await line.cancel(jobId);
    await line.retry(jobId);
    await line.run(jobId);
    const samples = await storage().listSamples({ jobId });
    assert.deepEqual(
      samples.map(({ attempt, processed }) => [attempt, processed]),
      [
        [1, 0],
        [1, 50],
        [2, 0],
        [2, 50],
        [2, 100],
        [2, 120],
      ],
    );
    const waiting = await line.job([member(1, 1)]);
    await line.cancel(waiting.jobId);
    assert.deepEqual(await storage().listSamples({ jobId: waiting.jobId }), []);
  });

  test('a large job keeps about one sample a percent', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.done(Array.from({ length: 12_000 }, (_, at) => member(at + 1, 1)));
    const count = (await storage().listSamples({ jobId })).length;
    assert.ok(count > 50 && count <= 102, `${count} samples`);
  });
}

function endedContract(storage: () => Storage): void {
  test('what ended is summed by steps of time, from where one asks', async () => {
    const line = await StorageLine.open(storage(), 1_840_000_000_000);
    const from = line.now;
    await line.done([member(1, 1), badRecord(2)]);
    line.now = from + MINUTE_MS - 1;
    await line.cancel((await line.job([member(1, 1)])).jobId);
    line.now = from + 2 * MINUTE_MS;
    await line.fail(await line.claimed((await line.job([member(1, 1)])).jobId));
    await line.job([member(1, 1)]);
    const span = { siteId: null, from, to: from + 3 * MINUTE_MS, stepMs: MINUTE_MS };
    const none = { completed: 0, failed: 0, cancelled: 0, records: 0, rejected: 0 };
    const [first, third] = [
      { ...none, at: from, completed: 1, cancelled: 1, records: 2, rejected: 1 },
      { ...none, at: from + 2 * MINUTE_MS, failed: 1 },
    ];
    assert.deepEqual(await storage().sumEnded(span), [first, third]);
    assert.deepEqual(await storage().sumEnded({ ...span, siteId: line.siteId }), [first, third]);
    assert.deepEqual(await storage().sumEnded({ ...span, siteId: line.siteId + 1_000_000 }), []);
    assert.deepEqual(await storage().sumEnded({ ...span, to: from + 2 * MINUTE_MS }), [first]);
    assert.deepEqual(await storage().sumEnded({ ...span, from: from + 1 }), [
      { ...none, at: from + 1, cancelled: 1 },
      { ...none, at: from + 1 + MINUTE_MS, failed: 1 },
    ]);
  });
}

function sitesContract(storage: () => Storage): void {
  test('sites are searched by a part of their address, page by page', async () => {
    const urls = ['https://b.search.example', 'https://a.search.example', 'https://c.search.example'];
    const made = await Promise.all(urls.map((url) => storage().ensureSite({ url, now: 1 })));
    const search = async (text: string, after = '', limit = 10) =>
      (await storage().searchSites({ search: text, after, limit })).map(({ url }) => url);
    const sorted = urls.toSorted();
    assert.deepEqual(await search('SEARCH.ex'), sorted);
    assert.deepEqual(await search('search.ex', '', 2), sorted.slice(0, 2));
    assert.deepEqual(await search('search.ex', sorted[1]), sorted.slice(2));
    assert.deepEqual(await search('%.search'), []);
    assert.ok((await search('', '', 1_000)).length >= 3);
    assert.deepEqual(await storage().findSite({ siteId: made[0]?.siteId ?? 0 }), made[0]);
    assert.equal(await storage().findSite({ siteId: 2_000_000_000 }), undefined);
  });
}

async function twoSites(storage: Storage, now: number): Promise<[StorageLine, StorageLine]> {
  return [await StorageLine.open(storage, now), await StorageLine.open(storage, now)];
}

function list(storage: Storage, filter: Partial<PlacedJobFilter>): Promise<PlacedJob[]> {
  return storage.listPlacedJobs({
    status: 'pending',
    siteId: null,
    type: null,
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
    before: null,
    limit: 100,
    ...filter,
  });
}
