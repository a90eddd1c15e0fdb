import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { batchCapacityFor, moveSizeFor } from '../../src/domain/batchSize.ts';
import { BatchBuilder } from '../../src/intake/batchBuilder.ts';
import { pointsBalances } from '../../src/jobTypes/pointsBalances.ts';

const totals = fc.integer({ min: 1, max: 10_000_000 });

describe('The size of a move', () => {
  it('is at most 50 records while the job has up to 5,000', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 5_000 }), (total) => moveSizeFor(total) === 50));
  });

  it('makes at least 100 moves of a job past 5,000 records', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5_001, max: 10_000_000 }),
        (total) => Math.ceil(total / moveSizeFor(total)) >= 100,
      ),
    );
  });

  it('never falls as a job grows, and stays within 10,000', () => {
    fc.assert(
      fc.property(totals, totals, (one, other) => {
        const [less, more] = one < other ? [one, other] : [other, one];
        assert.ok(moveSizeFor(less) <= moveSizeFor(more));
        assert.ok(moveSizeFor(more) <= 10_000);
      }),
    );
  });
});

describe('The capacity of a batch', () => {
  it('lets two batches make a move of a large job, and one of a small job', () => {
    fc.assert(
      fc.property(totals, (total) => {
        assert.ok(batchCapacityFor(total) <= moveSizeFor(total));
        if (total >= 10_000) assert.ok(2 * batchCapacityFor(total) <= moveSizeFor(total));
      }),
    );
    assert.equal(batchCapacityFor(1_000_000), 5_000);
  });
});

describe('Batches made while a job of unknown length comes in', () => {
  it('stay within what the whole job allows, and hold every record once, for any total', () => {
    const lengths = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 4_900, max: 30_000 }));
    fc.assert(
      fc.property(lengths, (total) => {
        const counts = countsOfBatches(total);
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          total,
        );
        assert.ok(Math.max(...counts) <= moveSizeFor(total));
        if (total > 5_000) assert.ok(counts.length >= 100);
      }),
      { numRuns: 40 },
    );
  });

  it('are 50, 50 and 20 for 120 records', () => {
    assert.deepEqual(countsOfBatches(120), [50, 50, 20]);
  });

  it('grow with the job', () => {
    const counts = countsOfBatches(30_000);
    assert.equal(counts[0], 50);
    assert.ok((counts.at(-2) ?? 0) > 125);
  });
});

function countsOfBatches(total: number): number[] {
  const builder = new BatchBuilder({ type: pointsBalances, maxRejects: Infinity });
  for (let id = 1; id <= total; id += 1) {
    builder.add({ wp_user_id: id, email: 'a@shop.example', points_balance: 1 });
  }
  return builder.end().map(({ count }) => count);
}
