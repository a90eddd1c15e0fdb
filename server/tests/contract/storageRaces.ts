import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { batchesOf, member } from '../support/batches.ts';
import { SHOP, StorageLine, TYPE } from '../support/storageLine.ts';

/** Far from the years of the tests of cleaning. */
const LONG_AGO_MS = 700_000_000_000;

/** Calls that are under way at once, as those of many processes are: what comes of them could have come in a row. */
export function racesContract(storage: () => Storage): void {
  describe('races', () => {
    orderRaces(storage);
    onceRaces(storage);
    cleaningRaces(storage);
  });
}

function orderRaces(storage: () => Storage): void {
  test('whoever sees a job sees all older ones of its site', async () => {
    const line = await StorageLine.open(storage());
    const seen: string[][] = [];
    let creating = true;
    const watching = (async () => {
      while (creating) seen.push(await oldestFirst(line));
    })();
    await Promise.all(Array.from({ length: 40 }, () => newPartsJob(line)));
    creating = false;
    await watching;
    const all = await oldestFirst(line);
    assert.equal(all.length, 40);
    for (const some of seen) assert.deepEqual(some, all.slice(0, some.length));
  });

  test('two jobs of one line never run at once, also when the older one is retried at that moment', async () => {
    for (let round = 0; round < 20; round += 1) {
      const line = await StorageLine.open(storage());
      const old = await line.job([member(1, 1)]);
      await line.cancel(old.jobId);
      const fresh = await line.job([member(1, 2)]);
      await Promise.all([
        line.retry(old.jobId).then(() => line.claim(old.jobId, 'one')),
        line.claim(fresh.jobId, 'other'),
      ]);
      const running = [await line.look(old.jobId), await line.look(fresh.jobId)].filter(
        ({ status }) => status === 'running',
      );
      assert.equal(running.length, 1);
    }
  });

  test('many lines are claimed and worked on at once, each to its end', async () => {
    const lines = await Promise.all(Array.from({ length: 12 }, () => StorageLine.open(storage())));
    const records = Array.from({ length: 200 }, (_, at) => member(at + 1, at));
    const jobs = await Promise.all(lines.map((line) => line.done(records)));
    for (const job of jobs) assert.equal(job.inserted, 200);
  });
}

function onceRaces(storage: () => Storage): void {
  test('of many sites of one address at once, one is made', async () => {
    const url = `https://${randomUUID()}.example`;
    const key = () => ({ keyId: randomUUID(), keyHash: Uint8Array.of(1) });
    const made = await Promise.allSettled(
      Array.from({ length: 8 }, () => storage().addSite({ url, key: key(), now: 1 })),
    );
    const refused = made.filter((it) => it.status === 'rejected');
    assert.equal(refused.length, 7);
    for (const { reason } of refused) assert.equal(reason.code, 'SITE_EXISTS');
  });

  test('many who ensure one site are given the same', async () => {
    const url = `https://${randomUUID()}.example`;
    const sites = await Promise.all(Array.from({ length: 8 }, () => storage().ensureSite({ url, now: 1 })));
    assert.equal(new Set(sites.map(({ siteId }) => siteId)).size, 1);
  });

  test('of one part that comes many times at once, one stays', async () => {
    const line = await StorageLine.open(storage());
    const jobId = await newPartsJob(line);
    const part = { part: 0, records: 1, contentHash: Uint8Array.of(1), uploadId: null };
    const batches = batchesOf([member(1, 1)]);
    await Promise.all(
      Array.from({ length: 8 }, () => storage().acceptPart({ jobId, ...part, batches, now: line.now })),
    );
    assert.equal((await line.look(jobId)).total, 1);
    const commit = { jobId, parts: 1, records: 1, actor: SHOP, now: line.now };
    const commits = await Promise.all(Array.from({ length: 4 }, () => storage().commitParts(commit)));
    assert.equal(commits.filter((job) => job !== undefined).length, 1);
    assert.equal((await line.run(jobId)).inserted, 1);
  });

  test('of a cancel and many batches at once, the job and its balances agree', async () => {
    const line = await StorageLine.open(storage());
    for (let round = 1; round <= 10; round += 1) {
      const { jobId } = await line.job(Array.from({ length: 300 }, (_, at) => member(at + 1, round)));
      const claim = await line.claimed(jobId);
      const work = async () => {
        while ((await line.applyNext(claim)) !== undefined);
      };
      const cancel = async () => {
        while ((await line.look(jobId)).processed < round * 20);
        return line.cancel(jobId);
      };
      const [, , cancelled] = await Promise.all([work(), work(), cancel()]);
      const { processed } = await line.look(jobId);
      if (cancelled !== undefined) assert.equal(processed, cancelled.processed);
      const value = BigInt(round) * 10_000n;
      const standing = [...(await line.balances()).values()].filter((balance) => balance === value);
      assert.equal(standing.length, processed);
    }
  });
}

function cleaningRaces(storage: () => Storage): void {
  test('many who clean up at once leave nothing over, and none of them fails', async () => {
    const line = await StorageLine.open(storage(), LONG_AGO_MS);
    for (let at = 0; at < 12; at += 1) await line.cancel((await line.job([member(1, at)])).jobId);
    const endedBefore = line.now + 1;
    const sweep = async () => {
      while (await storage().dropRecords({ endedBefore, limit: 2 }));
      while (await storage().dropJobs({ endedBefore, limit: 2 }));
    };
    await Promise.all([sweep(), sweep(), sweep(), sweep()]);
    await sweep();
    assert.deepEqual(await oldestFirst(line), []);
  });
}

async function newPartsJob({ storage, siteId, now }: StorageLine): Promise<string> {
  const jobId = randomUUID();
  await storage.openParts({
    jobId,
    siteId,
    type: TYPE,
    now,
    expectedTotal: null,
    actor: SHOP,
    request: null,
  });
  return jobId;
}

async function oldestFirst({ storage, siteId }: StorageLine): Promise<string[]> {
  const jobs = await storage.listJobs({ siteId, type: null, status: null, cursor: null, limit: 100 });
  return jobs.map(({ jobId }) => jobId).reverse();
}
