import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobFilter, Storage } from '../../src/storage/storage.ts';
import { badRecord, member, removal } from '../support/batches.ts';
import { StorageLine, TYPE } from '../support/storageLine.ts';

/** Looking at jobs, rejected records and balances. */
export function readingContract(storage: () => Storage): void {
  describe('reading', () => {
    jobListContract(storage);
    rejectsContract(storage);
    balancesContract(storage);
    oddTextContract(storage);
  });
}

function jobListContract(storage: () => Storage): void {
  test('jobs are listed newest first, page by page, none twice and none left out', async () => {
    const line = await StorageLine.open(storage());
    const ids = [];
    for (let at = 0; at < 7; at += 1) ids.push((await line.job([member(1, at)])).jobId);
    const pages: string[][] = [];
    let cursor: string | null = null;
    do {
      const page: string[] = await list(line, { limit: 3, cursor });
      pages.push(page);
      cursor = page.at(-1) ?? null;
    } while (cursor !== null);
    assert.deepEqual(
      pages.map((page) => page.length),
      [3, 3, 1, 0],
    );
    assert.deepEqual(pages.flat(), ids.reverse());
  });

  test('a job that is created while pages are read shifts none of them', async () => {
    const line = await StorageLine.open(storage());
    const first = (await line.job([member(1, 1)])).jobId;
    const second = (await line.job([member(1, 2)])).jobId;
    assert.deepEqual(await list(line, { limit: 1 }), [second]);
    await line.job([member(1, 3)]);
    assert.deepEqual(await list(line, { limit: 1, cursor: second }), [first]);
  });

  test('jobs are listed by type and by status', async () => {
    const line = await StorageLine.open(storage());
    const done = (await line.done([member(1, 1)])).jobId;
    const users = (await line.job([], { type: 'users' })).jobId;
    const waiting = (await line.job([member(1, 1)])).jobId;
    assert.deepEqual(await list(line, { type: 'users' }), [users]);
    assert.deepEqual(await list(line, { type: TYPE }), [waiting, done]);
    assert.deepEqual(await list(line, { status: 'completed' }), [done]);
    assert.deepEqual(await list(line, { status: 'pending', type: TYPE }), [waiting]);
    assert.deepEqual(await list(line, { status: 'failed' }), []);
  });

  test('another site’s jobs are not listed, nor is its cursor known', async () => {
    const line = await StorageLine.open(storage());
    const other = await StorageLine.open(storage());
    const theirs = (await other.job([member(1, 1)])).jobId;
    const mine = (await line.job([member(1, 1)])).jobId;
    assert.deepEqual(await list(line, {}), [mine]);
    assert.deepEqual(await list(other, { cursor: mine }), []);
    assert.deepEqual(await list(other, {}), [theirs]);
  });
}

function rejectsContract(storage: () => Storage): void {
  test('rejected records are listed by index, page by page, with what is wrong', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.done([badRecord(7), member(1, 1), 'text', badRecord(9)]);
    const all = await storage().listRejects({ jobId, afterIndex: -1, limit: 10 });
    assert.deepEqual(
      all.map(({ index, wpUserId, code }) => [index, wpUserId, code]),
      [
        [0, 7, 'EMAIL_INVALID'],
        [2, null, 'RECORD_NOT_AN_OBJECT'],
        [3, 9, 'EMAIL_INVALID'],
      ],
    );
    assert.ok(all.every(({ message }) => message.length > 0));
    assert.deepEqual(await storage().listRejects({ jobId, afterIndex: -1, limit: 2 }), all.slice(0, 2));
    assert.deepEqual(await storage().listRejects({ jobId, afterIndex: 2, limit: 2 }), all.slice(2));
  });

  test('rejected records are listed when their batch is settled, and no earlier', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(Array.from({ length: 120 }, (_, at) => badRecord(at + 1)));
    const listed = async () => (await storage().listRejects({ jobId, afterIndex: -1, limit: 1_000 })).length;
    assert.equal(await listed(), 0);
    const claim = await line.claimed(jobId);
    await line.applyNext(claim);
    assert.equal(await listed(), 50);
    await line.cancel(jobId);
    assert.equal(await listed(), 50);
    await line.retry(jobId);
    assert.equal(await listed(), 0);
    await line.run(jobId);
    assert.equal(await listed(), 120);
  });

  test('an id of many digits is told as it came', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.done([badRecord(Number.MAX_SAFE_INTEGER)]);
    const [reject] = await storage().listRejects({ jobId, afterIndex: -1, limit: 1 });
    assert.equal(reject?.wpUserId, Number.MAX_SAFE_INTEGER);
  });
}

function balancesContract(storage: () => Storage): void {
  test('balances are listed by member, then type, page by page', async () => {
    const line = await StorageLine.open(storage());
    await line.done([
      member(10, 1),
      member(9, 1),
      member(9, 2, 'gold'),
      member(200, 1),
      removal(9, 'silver'),
    ]);
    const keys = async (afterUserId: number, limit: number, pointsType: string | null = null) => {
      const { siteId } = line;
      const page = await storage().listBalances({ siteId, pointsType, afterUserId, limit });
      return page.map(({ wpUserId, pointsType }) => `${wpUserId} ${pointsType}`);
    };
    assert.deepEqual(await keys(0, 10), ['9 gold', '9 points', '10 points', '200 points']);
    assert.deepEqual(await keys(0, 3), ['9 gold', '9 points', '10 points']);
    assert.deepEqual(await keys(9, 10), ['10 points', '200 points']);
    assert.deepEqual(await keys(0, 10, 'gold'), ['9 gold']);
    assert.deepEqual(await keys(0, 10, 'silver'), []);
    assert.deepEqual(await keys(200, 10), []);
  });

  test('a member’s balances are found, one a type, and a removed one is not', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(9, 1), member(9, '2.5', 'gold'), member(9, 3, 'silver')]);
    await line.done([removal(9)]);
    const { siteId } = line;
    const found = await storage().findBalances({ siteId, wpUserId: 9 });
    assert.deepEqual(found, [
      { wpUserId: 9, email: 'member9@shop.example', pointsType: 'gold', tenThousandths: 25_000n },
      { wpUserId: 9, email: 'member9@shop.example', pointsType: 'silver', tenThousandths: 30_000n },
    ]);
    assert.deepEqual(await storage().findBalances({ siteId, wpUserId: 10 }), []);
  });
}

/** An address may name anything, also characters that no text of a database can hold. */
function oddTextContract(storage: () => Storage): void {
  for (const [name, odd] of Object.entries({ 'a NUL': 'a\0b', 'half a character': 'a\ud800b' })) {
    test(`a text with ${name} finds nothing, and breaks nothing`, async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1)]);
      const { siteId } = line;
      assert.equal(await storage().findJob({ siteId, jobId: odd }), undefined);
      assert.equal(await line.cancel(odd), undefined);
      assert.equal(await storage().findKey({ keyId: odd }), undefined);
      assert.equal(await storage().findRepeated({ siteId, idempotencyKey: odd }), undefined);
      assert.deepEqual(await list(line, { cursor: odd }), []);
      assert.deepEqual(await list(line, { type: odd }), []);
      assert.deepEqual(
        await storage().listBalances({ siteId, pointsType: odd, afterUserId: 0, limit: 9 }),
        [],
      );
    });
  }
}

async function list(line: StorageLine, filter: Partial<JobFilter>): Promise<string[]> {
  const all = { siteId: line.siteId, type: null, status: null, cursor: null, limit: 100 };
  return (await line.storage.listJobs({ ...all, ...filter })).map(({ jobId }) => jobId);
}
