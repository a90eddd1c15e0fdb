import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { batchesOf, member, range, removal } from '../support/batches.ts';
import { countsOf, StorageLine } from '../support/storageLine.ts';
import { cancelledAfterFirstBatch } from './storageOrder.ts';

/** What only balances have: types of points, removals, and 64 bits of ten-thousandths. */
export function balancesContract(storage: () => Storage): void {
  describe('balances', () => {
    typesAndRemovalsContract(storage);
    exactnessContract(storage);
  });
}

function typesAndRemovalsContract(storage: () => Storage): void {
  test('a changed address alone is an update, and is kept', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 5)]);
    const job = await line.done([{ wp_user_id: 1, email: 'new@shop.example', points_balance: 5 }]);
    assert.equal(job.updated, 1);
    const { siteId } = line;
    assert.equal((await storage().findBalances({ siteId, wpUserId: 1 }))[0]?.email, 'new@shop.example');
  });

  test('a member has one balance a type of points, in one batch and in several', async () => {
    const line = await StorageLine.open(storage());
    const first = await line.done([
      member(1, 1),
      member(1, 2, 'gold'),
      member(1, 3, 'Gold'),
      member(2, 4, 'gold'),
    ]);
    assert.equal(first.inserted, 4);
    const second = await line.done([member(1, 1), member(1, 9, 'gold'), member(2, 4)]);
    assert.deepEqual(countsOf(second), { processed: 3, inserted: 1, updated: 1, unchanged: 1, rejected: 0 });
    assert.deepEqual(
      await line.balances(),
      new Map([
        ['1 Gold', 30_000n],
        ['1 gold', 90_000n],
        ['1 points', 10_000n],
        ['2 gold', 40_000n],
        ['2 points', 40_000n],
      ]),
    );
  });

  test('what small batches of one move say of the same members counts in their order', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 7)]);
    const jobId = await line.upload();
    // As they come at the start of a large job, when nobody knows yet how large it is.
    const small = [
      range(1, 50).map((id) => member(id, 1)),
      range(51, 100).map((id) => (id <= 60 ? removal(id - 50) : member(id, 2))),
      range(1, 50).map((id) => member(id, id <= 5 ? 3 : 1)),
      [...range(101, 140).map((id) => member(id, 4)), ...range(1, 10).map((id) => member(id, 5, 'gold'))],
      range(141, 190).map((id) => member(id, 6)),
    ];
    for (const records of small) await line.stage(jobId, batchesOf(records));
    await line.accept(
      jobId,
      Array.from({ length: 30_000 }, () => null),
    );
    const claim = await line.claimed(jobId);
    const job = await line.applyNext(claim);
    assert.deepEqual(job && countsOf(job), {
      processed: 300,
      inserted: 49 + 40 + 10 + 40 + 10 + 50,
      updated: 1 + 10,
      unchanged: 40,
      rejected: 50,
    });
    const balances = await line.balances();
    assert.equal(balances.size, 50 + 40 + 90 + 10);
    assert.deepEqual(
      ['1 points', '6 points', '11 points', '61 points', '101 points', '1 gold', '190 points'].map((key) =>
        balances.get(key),
      ),
      [30_000n, 10_000n, 10_000n, 20_000n, 40_000n, 50_000n, 60_000n],
    );
  });

  test('a removal is an update where there was a balance, else unchanged', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 1), member(2, 2), member(2, 2, 'gold')]);
    const job = await line.done([
      removal(1),
      removal(2, 'gold'),
      removal(3),
      removal(1, 'gold'),
      member(4, 4),
    ]);
    assert.deepEqual(countsOf(job), { processed: 5, inserted: 1, updated: 2, unchanged: 2, rejected: 0 });
    assert.deepEqual([...(await line.balances()).keys()], ['2 points', '4 points']);
    const again = await line.done([removal(1), removal(2)]);
    assert.deepEqual(countsOf(again), { processed: 2, inserted: 0, updated: 1, unchanged: 1, rejected: 0 });
  });

  test('a balance that comes back after its removal is inserted', async () => {
    const line = await StorageLine.open(storage());
    await line.done(range(1, 20).map((id) => member(id, 1)));
    await line.done(range(1, 10).map((id) => removal(id)));
    assert.equal((await line.done(range(1, 20).map((id) => member(id, 1)))).inserted, 10);
    await line.done([removal(7)]);
    assert.equal((await line.done([member(7, 1), member(70_000, 1)])).inserted, 2);
    assert.equal((await line.balances()).size, 21);
  });

  test('a removal that follows in the same job removes, and another site keeps its own', async () => {
    const line = await StorageLine.open(storage());
    const other = await StorageLine.open(storage());
    await line.done([member(2, 2)]);
    const records = Array.from({ length: 50 }, (_, at) => member(at + 1, 1));
    assert.deepEqual(countsOf(await other.done([...records, removal(6), removal(2_000)])), {
      processed: 52,
      inserted: 50,
      updated: 1,
      unchanged: 1,
      rejected: 0,
    });
    assert.equal((await other.balances()).has('6 points'), false);
    await other.done([removal(2)]);
    assert.equal((await line.balances()).get('2 points'), 20_000n);
  });
}

function exactnessContract(storage: () => Storage): void {
  const exact: Record<string, bigint> = {
    '922337203685477.5807': 2n ** 63n - 1n,
    '-922337203685477.5808': -(2n ** 63n),
    '900719925474.0993': 9_007_199_254_740_993n,
    '0.0001': 1n,
    '-0.0001': -1n,
    '12.30': 123_000n,
    '1e3': 10_000_000n,
    '0': 0n,
  };

  test('balances are exact, to both ends of 64 bits', async () => {
    const line = await StorageLine.open(storage());
    const texts = Object.keys(exact);
    await line.done(texts.map((text, at) => member(at + 1, text)));
    const expected = texts.map((text, at) => [`${at + 1} points`, exact[text]]);
    assert.deepEqual([...(await line.balances())], expected);
    const { siteId } = line;
    const found = await Promise.all(
      texts.map((_, at) => storage().findBalances({ siteId, wpUserId: at + 1 })),
    );
    assert.deepEqual(
      found.map(([balance]) => balance?.tenThousandths),
      Object.values(exact),
    );
  });

  test('a balance that differs in its last ten-thousandth only is an update', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, '922337203685477.5807'), member(2, '900719925474.0993')]);
    const same = await line.done([member(1, '922337203685477.5807'), member(2, '900719925474.0993')]);
    assert.equal(same.unchanged, 2);
    const job = await line.done([member(1, '922337203685477.5806'), member(2, '900719925474.0992')]);
    assert.equal(job.updated, 2);
    assert.equal((await line.balances()).get('1 points'), 2n ** 63n - 2n);
  });

  test('texts are kept as they came', async () => {
    const line = await StorageLine.open(storage());
    const odd = `"'\\ ☂ ${'😀'.repeat(20)}`;
    await line.done([
      { wp_user_id: 1, email: 'o’hara"\\@müller.example', points_balance: 1, points_type: odd },
    ]);
    const { siteId } = line;
    assert.deepEqual(await storage().findBalances({ siteId, wpUserId: 1 }), [
      { wpUserId: 1, email: 'o’hara"\\@müller.example', pointsType: odd, tenThousandths: 10_000n },
    ]);
  });
}

/** The last start wins, also with removals and several types of points. */
export function balancesOrderContract(storage: () => Storage): void {
  describe('order of balances', () => {
    test('an older job that is retried changes nothing that a newer one brought', async () => {
      const line = await StorageLine.open(storage());
      const old = await cancelledAfterFirstBatch(
        line,
        [1, 2, 3, 4].map((id) => member(id, 1)),
      );
      await line.done([member(1, 2), member(2, 1), removal(3)]);
      await line.retry(old);
      const job = await line.run(old);
      // 1 was overwritten, 2 was confirmed, 3 was removed: all by the newer job. 4 is the older job's own.
      assert.deepEqual(countsOf(job), { processed: 4, inserted: 0, updated: 0, unchanged: 4, rejected: 0 });
      assert.deepEqual(
        await line.balances(),
        new Map([
          ['1 points', 20_000n],
          ['2 points', 10_000n],
          ['4 points', 10_000n],
        ]),
      );
    });

    test('what a newer job found unchanged, an older one can’t change either', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1), member(2, 2, 'gold')]);
      const old = await line.job([member(1, 9), member(2, 9, 'gold'), member(3, 9)]);
      await line.cancel(old.jobId);
      const same = await line.done([member(1, 1), member(2, 2, 'gold')]);
      assert.equal(same.unchanged, 2);
      await line.retry(old.jobId);
      assert.deepEqual(countsOf(await line.run(old.jobId)), {
        processed: 3,
        inserted: 1,
        updated: 0,
        unchanged: 2,
        rejected: 0,
      });
      assert.equal((await line.balances()).get('1 points'), 10_000n);
    });

    test('what a newer job removed stays removed, also where there was nothing to remove', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1)]);
      const old = await line.job([member(1, 9), member(2, 9), member(2, 9, 'gold')]);
      await line.cancel(old.jobId);
      const removing = await line.done([removal(1), removal(2)]);
      assert.deepEqual([removing.updated, removing.unchanged], [1, 1]);
      await line.retry(old.jobId);
      const job = await line.run(old.jobId);
      assert.deepEqual([job.inserted, job.updated, job.unchanged], [1, 0, 2]);
      assert.deepEqual([...(await line.balances()).keys()], ['2 gold']);
    });

    test('what two newer jobs removed one after the other stays removed', async () => {
      const line = await StorageLine.open(storage());
      const oldest = await line.job([member(1, 7)]);
      await line.cancel(oldest.jobId);
      const old = await line.job([member(1, 9)]);
      await line.cancel(old.jobId);
      await line.done([removal(1)]);
      await line.done([removal(1)]);
      for (const { jobId } of [oldest, old]) {
        await line.retry(jobId);
        assert.equal((await line.run(jobId)).unchanged, 1);
      }
      assert.equal((await line.balances()).size, 0);
    });

    test('an older job can’t remove what a newer one brought', async () => {
      const line = await StorageLine.open(storage());
      const old = await line.job([removal(1), removal(2), member(3, 1)]);
      await line.cancel(old.jobId);
      await line.done([member(1, 1)]);
      await line.retry(old.jobId);
      const job = await line.run(old.jobId);
      assert.deepEqual([job.inserted, job.updated, job.unchanged], [1, 0, 2]);
      assert.deepEqual([...(await line.balances()).keys()], ['1 points', '3 points']);
    });

    test('a slow upload that was opened earlier brings no old values back', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 5), member(2, 5), member(3, 5)]);
      const slow = await line.upload();
      await line.done([member(1, 6), removal(2), member(3, 5)]);
      await line.accept(slow, [member(1, 1), member(2, 1), member(3, 1), member(4, 1)]);
      assert.deepEqual(countsOf(await line.run(slow)), {
        processed: 4,
        inserted: 1,
        updated: 0,
        unchanged: 3,
        rejected: 0,
      });
      assert.deepEqual([...(await line.balances()).values()], [60_000n, 50_000n, 10_000n]);
    });
  });
}
