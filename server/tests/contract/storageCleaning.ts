import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { OpenStorage, Storage } from '../../src/storage/storage.ts';
import { badRecord, batchesOf, member, removal } from '../support/batches.ts';
import { SHOP, StorageLine, TYPE } from '../support/storageLine.ts';

/** Each test here has a year of its own, long before the other tests, so that it cleans up nothing but its own. */
const YEAR_MS = 31_557_600_000;

/** Keeping house. */
export function cleaningContract(storage: () => Storage, open: () => Promise<OpenStorage>): void {
  describe('cleaning', () => {
    recordsContract(storage);
    jobsContract(storage);
    uploadsContract(storage);

    test('check resolves while the storage works, and rejects when it doesn’t', async () => {
      await storage().check({});
      const other = await open();
      await other.storage.check({});
      await other.close();
      await assert.rejects(other.storage.check({}));
    });
  });
}

function recordsContract(storage: () => Storage): void {
  test('the records of jobs that ended before go; those of others stay', async () => {
    const line = await StorageLine.open(storage(), YEAR_MS);
    const ended = await line.done([member(1, 1)]);
    const waiting = await line.job([member(2, 1)]);
    line.now += 1_000;
    const fresh = await StorageLine.open(storage(), line.now);
    const later = await fresh.done([member(1, 1)]);
    await cleaned(() => storage().dropRecords({ endedBefore: line.now, limit: 50 }));
    assert.equal(await storage().hasRecords(ended), false);
    assert.equal(await storage().hasRecords(waiting), true);
    assert.equal(await storage().hasRecords(later), true);
    assert.deepEqual(await line.look(ended.jobId), ended);
    assert.equal((await line.balances()).size, 1);
    assert.equal((await line.run(waiting.jobId)).inserted, 1);
  });

  test('a job whose records are gone can’t be retried; one that was retried in time keeps them', async () => {
    const line = await StorageLine.open(storage(), 2 * YEAR_MS);
    const gone = await line.job([member(1, 1)]);
    const kept = await line.job([member(2, 2)]);
    const cancelled = await line.cancel(gone.jobId);
    await line.cancel(kept.jobId);
    await line.retry(kept.jobId);
    await cleaned(() => storage().dropRecords({ endedBefore: line.now + 1, limit: 50 }));
    assert.equal(await line.retry(gone.jobId), undefined);
    assert.deepEqual(await line.look(gone.jobId), cancelled);
    assert.equal((await line.run(kept.jobId)).inserted, 1);
  });

  test('dropping goes in slices, and a job of which a part is gone can’t be retried', async () => {
    const line = await StorageLine.open(storage(), 3 * YEAR_MS);
    const { jobId } = await line.job(Array.from({ length: 500 }, (_, at) => member(at + 1, 1)));
    await line.cancel(jobId);
    const slice = () => storage().dropRecords({ endedBefore: line.now + 1, limit: 3 });
    assert.equal(await slice(), true);
    assert.equal(await line.retry(jobId), undefined);
    assert.equal(await storage().hasRecords({ jobId }), false);
    assert.ok((await cleaned(slice)) >= 2, 'ten batches are more than two slices of three');
    assert.equal(await slice(), false);
  });

  test('what was kept of a discarded upload goes in slices', async () => {
    const line = await StorageLine.open(storage(), 10 * YEAR_MS);
    await cleanedAll(storage(), line.now);
    const jobId = await line.upload();
    const records = Array.from({ length: 500 }, (_, at) => (at % 2 ? member(at, 1) : badRecord(at + 1)));
    await storage().stage({ jobId, batches: batchesOf(records), now: line.now });
    await storage().discardUpload({ jobId });
    assert.equal(await storage().hasRecords({ jobId }), false);
    await assert.rejects(storage().stage({ jobId, batches: batchesOf([member(1, 1)]), now: line.now }));
    const dropRecords = () => storage().dropRecords({ endedBefore: line.now, limit: 3 });
    assert.ok((await cleaned(dropRecords)) >= 3, 'ten batches are more than two slices of three');
    const dropJobs = () => storage().dropJobs({ endedBefore: line.now, limit: 3 });
    assert.ok((await cleaned(dropJobs)) >= 3, 'so are its rejects');
    assert.equal(await dropJobs(), false);
    const again = { jobId, siteId: line.siteId, type: TYPE, now: line.now };
    await storage().openUpload(again);
    await storage().discardUpload(again);
  });

  test('reasons of rejects are read also when the records are gone', async () => {
    const line = await StorageLine.open(storage(), 4 * YEAR_MS);
    const { jobId } = await line.done([badRecord(1), member(2, 2)]);
    await cleaned(() => storage().dropRecords({ endedBefore: line.now + 1, limit: 50 }));
    assert.equal((await storage().listRejects({ jobId, afterIndex: -1, limit: 9 })).length, 1);
  });
}

function jobsContract(storage: () => Storage): void {
  test('old jobs go with their trail, and what they brought stays', async () => {
    const line = await StorageLine.open(storage(), 5 * YEAR_MS);
    const old = await line.done([member(1, 1), badRecord(2)]);
    const waiting = await line.job([member(2, 1)]);
    await cleanedAll(storage(), line.now + 1);
    assert.equal(await storage().findJob({ siteId: line.siteId, jobId: old.jobId }), undefined);
    assert.deepEqual(await storage().listAudit(old), []);
    assert.deepEqual(await storage().listRejects({ jobId: old.jobId, afterIndex: -1, limit: 9 }), []);
    assert.equal((await line.balances()).size, 1);
    assert.equal((await line.look(waiting.jobId)).status, 'pending');
    line.now += 1;
    assert.equal((await line.run(waiting.jobId)).inserted, 1);
  });

  test('old jobs go in slices', async () => {
    const line = await StorageLine.open(storage(), 6 * YEAR_MS);
    await cleanedAll(storage(), line.now);
    for (let at = 0; at < 7; at += 1) await line.cancel((await line.job([member(1, at)])).jobId);
    await cleaned(() => storage().dropRecords({ endedBefore: line.now + 1, limit: 50 }));
    const slice = () => storage().dropJobs({ endedBefore: line.now + 1, limit: 3 });
    const { siteId } = line;
    const left = async () =>
      (await storage().listJobs({ siteId, type: null, status: null, cursor: null, limit: 9 })).length;
    assert.equal(await slice(), true);
    assert.equal(await left(), 4);
    assert.equal(await slice(), true);
    assert.equal(await slice(), false);
    assert.equal(await left(), 0);
  });

  test('the many rejects of an old job go in slices, and the job after them', async () => {
    const line = await StorageLine.open(storage(), 11 * YEAR_MS);
    await cleanedAll(storage(), line.now);
    const { jobId } = await line.done(Array.from({ length: 500 }, (_, at) => badRecord(at + 1)));
    await cleaned(() => storage().dropRecords({ endedBefore: line.now + 1, limit: 50 }));
    const slice = () => storage().dropJobs({ endedBefore: line.now + 1, limit: 3 });
    assert.equal(await slice(), true);
    assert.equal((await line.look(jobId)).jobId, jobId);
    await cleaned(slice);
    assert.equal(await storage().findJob({ siteId: line.siteId, jobId }), undefined);
    assert.deepEqual(await storage().listRejects({ jobId, afterIndex: -1, limit: 9 }), []);
  });

  test('a job whose records are still kept is not dropped', async () => {
    const line = await StorageLine.open(storage(), 7 * YEAR_MS);
    const { jobId } = await line.job([member(1, 1)]);
    await line.cancel(jobId);
    await cleaned(() => storage().dropJobs({ endedBefore: line.now + 1, limit: 50 }));
    await line.retry(jobId);
    assert.equal((await line.run(jobId)).inserted, 1);
  });

  test('a removed balance is remembered as long as the job that removed it', async () => {
    const line = await StorageLine.open(storage(), 8 * YEAR_MS);
    await line.done([member(1, 1), member(2, 1)]);
    const slow = await line.upload();
    await line.done([removal(1)]);
    line.now += 1_000;
    const later = await line.done([removal(2)]);
    await cleanedAll(storage(), line.now);
    await line.accept(slow, [member(1, 9), member(2, 9)]);
    const job = await line.run(slow);
    // The history of the removal of 1 is gone, and with it the memory; that of 2 is still there.
    assert.deepEqual([job.inserted, job.unchanged], [1, 1]);
    assert.deepEqual([...(await line.balances()).keys()], ['1 points']);
    assert.equal((await line.look(later.jobId)).status, 'completed');
  });

  test('after the newest job was dropped, a new one still comes behind what it brought', async () => {
    const line = await StorageLine.open(storage(), 9 * YEAR_MS);
    await line.done([member(1, 1)]);
    await cleanedAll(storage(), line.now + 1);
    assert.equal((await line.done([member(1, 2)])).updated, 1);
    assert.equal((await line.balances()).get('1 points'), 20_000n);
  });
}

function uploadsContract(storage: () => Storage): void {
  test('an upload that took nothing for too long goes, in slices; others stay', async () => {
    const line = await StorageLine.open(storage(), 10 * YEAR_MS);
    const left = [await line.upload(), await line.upload(), await line.upload()];
    await line.stage(left[0] as string, batchesOf([member(1, 1), badRecord(2)]));
    const waiting = await line.job([member(2, 1)]);
    const inParts = await partsJob(line);
    const slow = await line.upload();
    line.now += 1_000;
    await line.stage(slow, batchesOf([member(3, 1)]));
    const fresh = await line.upload();
    const slice = () => storage().dropStaleUploads({ untouchedSince: line.now, limit: 2 });
    assert.equal(await slice(), true);
    assert.equal(await slice(), false);
    for (const jobId of left) {
      assert.equal(await storage().hasRecords({ jobId }), false);
      await assert.rejects(line.accept(jobId, [member(1, 1)]));
    }
    assert.equal((await line.run(waiting.jobId)).inserted, 1);
    for (const jobId of [slow, fresh]) await line.run((await line.accept(jobId, [member(4, 1)])).jobId);
    assert.deepEqual([...(await line.balances()).keys()], ['2 points', '3 points', '4 points']);
    assert.equal((await line.look(inParts)).inParts, 'receiving');
  });
}

async function partsJob({ storage, siteId, now }: StorageLine): Promise<string> {
  const jobId = randomUUID();
  const plan = { expectedTotal: null, actor: SHOP, request: null };
  await storage.openParts({ jobId, siteId, type: TYPE, now, ...plan });
  return jobId;
}

/** Calls a slice until it says that there is no more, and gives the number of calls. */
async function cleaned(slice: () => Promise<boolean>): Promise<number> {
  let calls = 1;
  while (await slice()) calls += 1;
  return calls;
}

async function cleanedAll(storage: Storage, endedBefore: number): Promise<void> {
  await cleaned(() => storage.dropRecords({ endedBefore, limit: 50 }));
  await cleaned(() => storage.dropJobs({ endedBefore, limit: 50 }));
}
