import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checksumOf } from '../../src/domain/checksum.ts';
import { ALL_IDS, type IdRange } from '../../src/domain/idRange.ts';
import type { ChecksumSum, Storage } from '../../src/storage/storage.ts';
import { member, removal } from '../support/batches.ts';
import { StorageLine } from '../support/storageLine.ts';

/** Sums that tell where a site and its shop differ. */
export function checksumsContract(storage: () => Storage): void {
  describe('checksums', () => {
    const several = [1, 999, 1_000, 1_001, 5_500, 1_000_000].map((id) => member(id, id / 8));

    test('checksums are summed up by ranges of ids, which begin at multiples of their size; gaps have none', async () => {
      const line = await StorageLine.open(storage());
      await line.done([...several, member(1_000, 7, 'gold')]);
      assert.deepEqual(await sums(line, { size: 1_000 }), [
        { from: 0, to: 999, count: 2, sum: sumOf([1, 999]) },
        { from: 1_000, to: 1_999, count: 3, sum: sumOf([1_000, 1_001]) + goldSum(1_000, 7) },
        { from: 5_000, to: 5_999, count: 1, sum: sumOf([5_500]) },
        { from: 1_000_000, to: 1_000_999, count: 1, sum: sumOf([1_000_000]) },
      ]);
      assert.deepEqual(
        (await sums(line, { size: 1 })).map(({ from, to, count }) => [from, to, count]),
        [1, 999, 1_000, 1_001, 5_500, 1_000_000].map((id) => [id, id, id === 1_000 ? 2 : 1]),
      );
    });

    test('checksums can be of one type of points, and never of another site', async () => {
      const line = await StorageLine.open(storage());
      const other = await StorageLine.open(storage());
      await line.done([...several, member(1_000, 7, 'gold')]);
      await other.done([member(3, 3)]);
      assert.deepEqual(await sums(line, { pointsType: 'gold' }), [
        { from: 1_000, to: 1_999, count: 1, sum: goldSum(1_000, 7) },
      ]);
      assert.deepEqual(await sums(line, { pointsType: 'silver' }), []);
      assert.equal((await sums(line, { pointsType: 'points' })).length, 4);
    });

    test('checksums of ranges of ids are of what stands in them, both ends included, in their order', async () => {
      const line = await StorageLine.open(storage());
      await line.done(Array.from({ length: 50 }, (_, at) => member(at + 1, at)));
      const ranges: IdRange[] = [
        [3, 22],
        [27, 27],
        [29, 44],
        [60, 90],
      ];
      const parts = (await sums(line, { ranges, size: 10 })).map(({ from, to, count }) => [from, to, count]);
      assert.deepEqual(parts, [
        [0, 9, 7],
        [10, 19, 10],
        [20, 22, 3],
        [20, 27, 1],
        [20, 29, 1],
        [30, 39, 10],
        [40, 44, 5],
      ]);
    });

    test('checksums end at the limit, and go on behind it', async () => {
      const line = await StorageLine.open(storage());
      await line.done(several);
      const [first, second, ...more] = await sums(line, { size: 1_000, limit: 2 });
      assert.deepEqual([first?.from, second?.from, more.length], [0, 1_000, 0]);
      const behind = await sums(line, { size: 1_000, limit: 2, ranges: [[2_000, ALL_IDS[1]]] });
      assert.deepEqual(
        behind.map(({ from }) => from),
        [5_000, 1_000_000],
      );
    });

    test('checksums follow each change of a balance or an address, and each removal', async () => {
      const line = await StorageLine.open(storage());
      await line.done([member(1, 1), member(2, 2), member(3, 3), member(4, 4)]);
      const address = {
        wp_user_id: 2,
        email: 'jürgen@shop.example',
        points_balance: '-922337203685477.5808',
      };
      await line.done([member(1, '0.0001'), address, removal(3)]);
      const changed = [
        { wpUserId: 1, email: 'member1@shop.example', pointsType: 'points', tenThousandths: 1 },
        { wpUserId: 2, email: address.email, pointsType: 'points', tenThousandths: -(2n ** 63n) },
        { wpUserId: 4, email: 'member4@shop.example', pointsType: 'points', tenThousandths: 40_000 },
      ];
      const sum = changed.reduce((all, record) => all + checksumOf(record), 0);
      assert.deepEqual(await sums(line, {}), [{ from: 0, to: 999, count: 3, sum }]);
    });

    test('checksums of members of the highest ids are found', async () => {
      const line = await StorageLine.open(storage());
      const highest = Number.MAX_SAFE_INTEGER;
      await line.done([member(highest - 1, 1), member(highest, 1)]);
      const [last, none] = await sums(line, { size: 10_000 });
      assert.deepEqual([last?.from, last?.count, none], [highest - (highest % 10_000), 2, undefined]);
      assert.ok((last?.to ?? 0) <= highest);
    });
  });
}

function sums(
  { storage, siteId }: StorageLine,
  part: Partial<Parameters<Storage['sumChecksums']>[0]>,
): Promise<ChecksumSum[]> {
  return storage.sumChecksums({
    siteId,
    pointsType: null,
    ranges: [ALL_IDS],
    size: 1_000,
    limit: 1_000,
    ...part,
  });
}

/** The sum for members whose balance is an eighth of their id. */
function sumOf(ids: number[]): number {
  const checksums = ids.map((id) =>
    checksumOf({
      wpUserId: id,
      email: `member${id}@shop.example`,
      pointsType: 'points',
      tenThousandths: id * 1_250,
    }),
  );
  return checksums.reduce((sum, checksum) => sum + checksum, 0);
}

function goldSum(id: number, balance: number): number {
  const gold = { pointsType: 'gold', tenThousandths: balance * 10_000 };
  return checksumOf({ wpUserId: id, email: `member${id}@shop.example`, ...gold });
}
