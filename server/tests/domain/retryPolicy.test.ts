import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { delayBeforeRetry } from '../../src/domain/retryPolicy.ts';

const chance = fc.double({ min: 0, max: 1, noNaN: true });
const failures = fc.integer({ min: 1, max: 1_000 });

describe('The pause before a retry', () => {
  it('grows threefold from one second to one minute', () => {
    const pauses = [1, 2, 3, 4, 5, 6].map((failure) => delayBeforeRetry(failure, 1));
    assert.deepEqual(pauses, [1_000, 3_000, 9_000, 27_000, 60_000, 60_000]);
  });

  it('is spread by chance over its second half', () => {
    assert.equal(delayBeforeRetry(3, 0), 4_500);
    assert.equal(delayBeforeRetry(3, 0.5), 6_750);
  });

  it('is longer after every further failure until it is longest, whatever chance says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), chance, chance, (failure, one, other) => {
        assert.ok(delayBeforeRetry(failure + 1, one) > delayBeforeRetry(failure, other));
      }),
    );
  });

  it('is never below half a second nor above a minute', () => {
    fc.assert(
      fc.property(failures, chance, (failure, random) => {
        const pause = delayBeforeRetry(failure, random);
        assert.ok(Number.isInteger(pause) && pause >= 500 && pause <= 60_000, String(pause));
      }),
    );
  });
});
