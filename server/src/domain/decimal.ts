/**
 * Exact decimals. A balance is kept as a whole number of ten-thousandths in a 64-bit integer, so that no
 * float ever stands between the shop and the database. Why: docs/decisions/0004-exact-balance.md.
 */

export const DECIMALS = 4;
const SCALE = 10_000;
const MAX_TEN_THOUSANDTHS = 2n ** 63n - 1n;
const MIN_TEN_THOUSANDTHS = -(2n ** 63n);
const DECIMAL_TEXT = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** More digits than any balance can have: longer texts are refused before they cost time. */
const MAX_TEXT_LENGTH = 400;

export type DecimalProblem = 'not-a-number' | 'too-many-decimals' | 'out-of-range';
export type DecimalReading = { tenThousandths: bigint } | { problem: DecimalProblem };

/**
 * Reads decimal text such as `1250`, `-5`, `12.30` or `1e3` without ever making a float of it.
 * Zeros behind the fourth decimal are no further decimals: `12.300000`, as MySQL gives it, is 12.3.
 */
export function readDecimal(text: string): DecimalReading {
  if (text.length > MAX_TEXT_LENGTH) return { problem: 'not-a-number' };
  const match = DECIMAL_TEXT.exec(text);
  if (!match) return { problem: 'not-a-number' };
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return { tenThousandths: 0n };
  const significant = digits.replace(/0+$/, '');
  const exponent = Number(exponentText) - fraction.length + (digits.length - significant.length);
  if (exponent < -DECIMALS) return { problem: 'too-many-decimals' };
  if (significant.length + exponent > 16) return { problem: 'out-of-range' };
  const magnitude = BigInt(significant) * 10n ** BigInt(exponent + DECIMALS);
  const value = sign === '-' ? -magnitude : magnitude;
  if (value > MAX_TEN_THOUSANDTHS || value < MIN_TEN_THOUSANDTHS) return { problem: 'out-of-range' };
  return { tenThousandths: value };
}

/**
 * The ten-thousandths of a JavaScript number, or undefined where the number alone can't tell them exactly
 * (then its source text must be read by `readDecimal`). Right for every number whose source text had at
 * most 15 significant digits, which is what a double carries faithfully.
 */
export function tenThousandthsOf(value: number): number | undefined {
  const scaled = Math.round(value * SCALE);
  if (!Number.isSafeInteger(scaled) || scaled / SCALE !== value) return undefined;
  return scaled === 0 ? 0 : scaled;
}

/** `12500001n` → `1250.0001`: the shortest text of a number of ten-thousandths, also a JSON number. */
export function decimalText(tenThousandths: bigint): string {
  const negative = tenThousandths < 0n;
  const digits = (negative ? -tenThousandths : tenThousandths).toString().padStart(DECIMALS + 1, '0');
  const whole = digits.slice(0, -DECIMALS);
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A number by its text; TypeScript's library doesn't know the function of the engine yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => object };

/** What JSON.stringify writes as the number digit by digit: a JavaScript number would round a large one. */
export function decimalJson(tenThousandths: bigint): object {
  return rawJson(decimalText(tenThousandths));
}
