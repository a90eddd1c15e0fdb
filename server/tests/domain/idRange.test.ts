import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type IdRange, mergeRanges, rangesBehind } from '../../src/domain/idRange.ts';

describe('Ranges of ids', () => {
  it('that overlap, touch or lie in each other become one, in their order', () => {
    const ranges: IdRange[] = [
      [50, 60],
      [10, 19],
      [20, 30],
      [52, 55],
      [58, 70],
      [100, 100],
    ];
    assert.deepEqual(mergeRanges(ranges), [
      [10, 30],
      [50, 70],
      [100, 100],
    ]);
    assert.deepEqual(ranges[0], [50, 60], 'what was given is left alone');
  });

  it('hold the same ids when they are merged, and none touches another', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(9)).map(([from, more]): IdRange => [from, from + more]);
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        const merged = mergeRanges(ranges);
        assert.deepEqual(idsOf(merged), new Set([...idsOf(ranges)].sort((one, other) => one - other)));
        for (const [at, [from]] of merged.entries())
          assert.ok(at === 0 || from > (merged[at - 1]?.[1] ?? 0) + 1);
      }),
    );
  });

  it('behind an id are what is left of them', () => {
    const ranges: IdRange[] = [
      [10, 19],
      [30, 39],
    ];
    assert.deepEqual(rangesBehind(ranges, 9), ranges);
    assert.deepEqual(rangesBehind(ranges, 14), [
      [15, 19],
      [30, 39],
    ]);
    assert.deepEqual(rangesBehind(ranges, 19), [[30, 39]]);
    assert.deepEqual(rangesBehind(ranges, 39), []);
  });
});

function idsOf(ranges: IdRange[]): Set<number> {
  return new Set(ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at)));
}
