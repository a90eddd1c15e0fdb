import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decimalText, readDecimal, tenThousandthsOf } from '../../src/domain/decimal.ts';

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

const EXACT: [text: string, tenThousandths: bigint][] = [
  ['0', 0n],
  ['-0', 0n],
  ['-0.0000', 0n],
  ['0e999999999', 0n],
  ['1250', 12_500_000n],
  ['+7', 70_000n],
  ['-5', -50_000n],
  ['12.30', 123_000n],
  ['12.300000', 123_000n],
  ['007.50', 75_000n],
  ['3.', 30_000n],
  ['0.0001', 1n],
  ['-0.0001', -1n],
  ['1e3', 10_000_000n],
  ['1E+3', 10_000_000n],
  ['125e-2', 12_500n],
  ['1e-4', 1n],
  ['10e-5', 1n],
  ['1.23456e1', 123_456n],
  ['922337203685477.5807', MAX],
  ['-922337203685477.5808', MIN],
  ['9223372036854775807e-4', MAX],
];

const REFUSED: [text: string, problem: string][] = [
  ['', 'not-a-number'],
  [' 12', 'not-a-number'],
  ['12 ', 'not-a-number'],
  ['.5', 'not-a-number'],
  ['12,30', 'not-a-number'],
  ['1 250', 'not-a-number'],
  ['--5', 'not-a-number'],
  ['1e', 'not-a-number'],
  ['1e3.5', 'not-a-number'],
  ['0x10', 'not-a-number'],
  ['NaN', 'not-a-number'],
  ['Infinity', 'not-a-number'],
  ['١٢', 'not-a-number'],
  ['12\n', 'not-a-number'],
  ['9'.repeat(401), 'not-a-number'],
  ['0.00001', 'too-many-decimals'],
  ['12.34567', 'too-many-decimals'],
  ['1e-5', 'too-many-decimals'],
  ['1e-999999999999999999999', 'too-many-decimals'],
  ['922337203685477.5808', 'out-of-range'],
  ['-922337203685477.5809', 'out-of-range'],
  ['9'.repeat(390), 'out-of-range'],
  ['1e400', 'out-of-range'],
  ['-1e400', 'out-of-range'],
  ['1e999999999999999999999', 'out-of-range'],
];

describe('A decimal as text', () => {
  for (const [text, tenThousandths] of EXACT) {
    it(`${text} is exactly ${tenThousandths} ten-thousandths`, () => {
      assert.deepEqual(readDecimal(text), { tenThousandths });
    });
  }

  for (const [text, problem] of REFUSED) {
    it(`${JSON.stringify(text.slice(0, 30))} is refused as ${problem}`, () => {
      assert.deepEqual(readDecimal(text), { problem });
    });
  }

  it('keeps every value of 64 bits on its way to text and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: MIN, max: MAX }), (tenThousandths) => {
        assert.deepEqual(readDecimal(decimalText(tenThousandths)), { tenThousandths });
      }),
    );
  });

  it('has the value that whole-number arithmetic gives, for any digits, decimals and exponent', () => {
    const parts = fc.record({
      negative: fc.boolean(),
      whole: digits({ from: 1, to: 17 }),
      fraction: digits({ from: 0, to: 8 }),
      exponent: fc.integer({ min: -12, max: 12 }),
    });
    fc.assert(
      fc.property(parts, ({ negative, whole, fraction, exponent }) => {
        const text = `${negative ? '-' : ''}${whole}${fraction && `.${fraction}`}e${exponent}`;
        assert.deepEqual(readDecimal(text), expectedOf({ negative, whole, fraction, exponent }));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is written as the shortest text', () => {
    assert.equal(decimalText(0n), '0');
    assert.equal(decimalText(123_000n), '12.3');
    assert.equal(decimalText(-1n), '-0.0001');
    assert.equal(decimalText(12_500_000n), '1250');
    assert.equal(decimalText(MIN), '-922337203685477.5808');
  });
});

describe('A decimal as a JavaScript number', () => {
  it('gives the same as its text, or nothing, for every text of up to 15 significant digits', () => {
    const texts = fc
      .tuple(fc.boolean(), digits({ from: 1, to: 15 }), fc.integer({ min: 0, max: 15 }))
      .map(([negative, all, decimals]) => {
        const whole = all.slice(0, Math.max(0, all.length - decimals)) || '0';
        const fraction = all.slice(Math.max(0, all.length - decimals));
        return `${negative ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
      });
    fc.assert(
      fc.property(texts, (text) => {
        const found = tenThousandthsOf(Number(text));
        const exact = readDecimal(text);
        if (found === undefined) return;
        assert.deepEqual({ tenThousandths: BigInt(found) }, exact);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is taken without a detour for usual balances', () => {
    for (const [value, tenThousandths] of [
      [1250, 12_500_000],
      [12.3, 123_000],
      [-0.0001, -1],
      [1.005, 10_050],
      [8.2, 82_000],
    ] as const) {
      assert.equal(tenThousandthsOf(value), tenThousandths);
    }
  });

  it('says nothing where it can’t be sure', () => {
    for (const value of [0.00001, 1e15, Number.NaN, Infinity, -Infinity, 922_337_203_685_477.5]) {
      assert.equal(tenThousandthsOf(value), undefined, String(value));
    }
  });

  it('has no negative zero', () => {
    assert.ok(Object.is(tenThousandthsOf(-0), 0));
  });
});

function digits({ from, to }: { from: number; to: number }): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...'0123456789'), { minLength: from, maxLength: to })
    .map((all) => all.join(''));
}

/** The same by plain arithmetic on whole numbers: the value times 10^20, which no case here makes a fraction. */
function expectedOf(decimal: { negative: boolean; whole: string; fraction: string; exponent: number }) {
  const scaled =
    BigInt(decimal.whole + decimal.fraction) * 10n ** BigInt(20 + decimal.exponent - decimal.fraction.length);
  const unit = 10n ** 16n;
  if (scaled % unit !== 0n) return { problem: 'too-many-decimals' };
  const tenThousandths = (decimal.negative ? -scaled : scaled) / unit;
  return tenThousandths > MAX || tenThousandths < MIN ? { problem: 'out-of-range' } : { tenThousandths };
}
