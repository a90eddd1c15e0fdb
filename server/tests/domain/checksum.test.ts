import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalText, checksumOf } from '../../src/domain/checksum.ts';

const RECORD = { wpUserId: 43, email: 'jürgen@shop.example', pointsType: 'points', tenThousandths: -123_000 };

describe('The canonical text of a record', () => {
  it('has its balance with exactly four decimals', () => {
    assert.equal(canonicalText(RECORD), '43|jürgen@shop.example|points|-12.3000');
    for (const [tenThousandths, text] of [
      [0, '0.0000'],
      [-0, '0.0000'],
      [0n, '0.0000'],
      [1, '0.0001'],
      [-1, '-0.0001'],
      [12_500_000, '1250.0000'],
      [2n ** 63n - 1n, '922337203685477.5807'],
      [-(2n ** 63n), '-922337203685477.5808'],
    ] as const) {
      assert.equal(
        canonicalText({ ...RECORD, tenThousandths })
          .split('|')
          .at(-1),
        text,
      );
    }
  });

  it('has the CRC-32 of its UTF-8 as the checksum, as MySQL gives it', () => {
    // SELECT CRC32('43|jürgen@shop.example|points|-12.3000')
    assert.equal(checksumOf(RECORD), 361_475_089);
  });
});
