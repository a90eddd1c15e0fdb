import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, member, removal } from '../support/batches.ts';
import { StorageLine } from '../support/storageLine.ts';

/** Long before the other tests, so that cleaning touches nothing but its own. */
const LONG_AGO = 17 * 31_557_600_000;

/** The rejected records of a job: kept as they were sent, and tried again as a job with the place of the first one. */
export function mendingContract(storage: () => Storage): void {
  describe('mending', () => {
    textsContract(storage);
    placeContract(storage);
  });
}

function textsContract(storage: () => Storage): void {
  const texts = (jobId: string, afterIndex = -1, limit = 10) =>
    storage().listRejectedTexts({ jobId, afterIndex, limit });

  test('rejected records are kept as they were sent, in pages by index', async () => {
    const line = await StorageLine.open(storage());
    const bad = [badRecord(2), 'no record', { wp_user_id: 4, email: 'é', points_balance: '1.00' }];
    const { jobId } = await line.done([member(1, 1), ...bad]);
    const found = (await texts(jobId)).map(({ index, record }) => [index, JSON.parse(record)]);
    assert.deepEqual(
      found,
      bad.map((record, at) => [at + 1, record]),
    );
    assert.deepEqual(
      (await texts(jobId, 1, 1)).map(({ index }) => index),
      [2],
    );
  });

  test('one that is too long is rejected with its reason, but not kept', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.done([{ ...badRecord(1), note: 'x'.repeat(2_000) }, badRecord(2)]);
    assert.deepEqual(
      (await texts(jobId)).map(({ index }) => index),
      [1],
    );
    assert.equal((await storage().listRejects({ jobId, afterIndex: -1, limit: 10 })).length, 2);
  });

  test('one that is nested too deeply to be written again is rejected, but not kept', async () => {
    const line = await StorageLine.open(storage());
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    const { jobId, rejected } = await line.done([deep, badRecord(2)]);
    assert.equal(rejected, 2);
    assert.deepEqual(
      (await texts(jobId)).map(({ index }) => index),
      [1],
    );
  });

  test('only those of settled batches are given', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job([
      ...Array.from({ length: 60 }, (_, at) => member(at + 1, 1)),
      badRecord(99),
    ]);
    await line.applyNext(await line.claimed(jobId));
    assert.deepEqual(await texts(jobId), []);
  });

  test('they go together with the records of the job, in slices, and the reasons stay', async () => {
    const line = await StorageLine.open(storage(), LONG_AGO);
    const { jobId } = await line.done(Array.from({ length: 50 }, (_, at) => badRecord(at + 1)));
    while (await storage().dropRecords({ endedBefore: line.now + 1, limit: 2 }));
    assert.deepEqual(await texts(jobId), []);
    assert.equal((await storage().listRejects({ jobId, afterIndex: -1, limit: 100 })).length, 50);
  });
}

function placeContract(storage: () => Storage): void {
  test('a job of rejected records overwrites nothing that a job after the first one brought', async () => {
    const line = await StorageLine.open(storage());
    const first = await line.done([member(9, 9), badRecord(1), badRecord(2), badRecord(3), badRecord(4)]);
    await line.done([member(1, 5), member(2, 5), removal(2), removal(3)]);
    const mended = await mend(
      line,
      first.jobId,
      [1, 2, 3, 4].map((id) => member(id, 7)),
    );
    assert.deepEqual([mended.inserted, mended.updated, mended.unchanged], [1, 0, 3]);
    assert.deepEqual(
      await line.balances(),
      new Map([
        ['1 points', 50_000n],
        ['4 points', 70_000n],
        ['9 points', 90_000n],
      ]),
    );
  });

  test('it overwrites what the first one and older ones brought', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 1)]);
    const first = await line.done([member(2, 2), badRecord(1), badRecord(2), badRecord(3)]);
    const mended = await mend(line, first.jobId, [member(1, 7), member(2, 7), removal(3)]);
    assert.deepEqual([mended.inserted, mended.updated, mended.unchanged], [0, 2, 1]);
    assert.deepEqual([...(await line.balances()).values()], [70_000n, 70_000n]);
  });

  test('a job between the two overwrites it, also where it is retried after it', async () => {
    const line = await StorageLine.open(storage());
    const first = await line.done([badRecord(1), badRecord(2), badRecord(3)]);
    const between = await line.job([member(1, 5), member(2, 7), removal(3)]);
    await line.cancel(between.jobId);
    await mend(line, first.jobId, [member(1, 7), member(2, 7), member(3, 7)]);
    await line.retry(between.jobId);
    const job = await line.run(between.jobId);
    assert.deepEqual([job.updated, job.unchanged], [2, 1]);
    assert.deepEqual(
      [...(await line.balances()).entries()],
      [
        ['1 points', 50_000n],
        ['2 points', 70_000n],
      ],
    );
  });

  test('what a job between the two found unchanged, it can’t change', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 1)]);
    const first = await line.done([badRecord(1)]);
    const waiting = await line.upload({ rejectsOf: first.jobId });
    await line.done([member(1, 1)]);
    await line.accept(waiting, [member(1, 7)]);
    assert.equal((await line.run(waiting)).unchanged, 1);
    assert.deepEqual([...(await line.balances()).values()], [10_000n]);
  });

  test('rejects of rejects keep the place of the first job', async () => {
    const line = await StorageLine.open(storage());
    const first = await line.done([badRecord(1), badRecord(2)]);
    const second = await mend(line, first.jobId, [member(1, 7), badRecord(2)]);
    await line.done([member(2, 5)]);
    assert.equal((await mend(line, second.jobId, [member(2, 7)])).unchanged, 1);
    assert.equal((await line.balances()).get('2 points'), 50_000n);
  });

  test('both trails tell of it, and the first job stays as it is', async () => {
    const line = await StorageLine.open(storage());
    const first = await line.done([badRecord(1)]);
    const mended = await mend(line, first.jobId, [member(1, 1)]);
    assert.deepEqual(await line.look(first.jobId), first);
    const trail = await storage().listAudit({ jobId: first.jobId });
    const { event, actor, detail } = trail.at(-1) ?? {};
    assert.deepEqual(
      [event, actor, detail],
      ['mended', 'site shop', `its rejected records are job ${mended.jobId}`],
    );
    assert.deepEqual(await line.auditEvents(mended.jobId), ['created', 'started', 'completed']);
  });
}

async function mend(line: StorageLine, rejectsOf: string, records: object[]) {
  const jobId = await line.upload({ rejectsOf });
  await line.accept(jobId, records);
  return line.run(jobId);
}
