import { type DecimalProblem, readDecimal, tenThousandthsOf } from '../domain/decimal.ts';

/** The fields that records are made of. What they accept, docs/errors.md says under "The limits of a record". */

/** How one field is read. Its codes begin with its name in capital letters. */
export interface Field {
  /** Whether null may stand for it, and so may nothing and an empty text, as WordPress gives what it doesn't have. */
  optional?: true;
  /** Whether it is a number that is kept digit by digit. */
  exact?: true;
  /** What the codes of its problems end with, without that of a field which is missing. */
  problems: readonly string[];
  read(value: unknown): string | number | Problem;
}

/** Why a value is refused: the end of the code, and the rest of the sentence behind the name of the field. */
export class Problem {
  readonly code: string;
  readonly rule: string;

  constructor(code: string, rule: string) {
    this.code = code;
    this.rule = rule;
  }
}

const INVALID = ['INVALID'] as const;
/** Digits, as PHP and MySQL give a whole number; up to 16, as no id is longer. */
const WHOLE_TEXT = /^0*(\d{1,16})(?:\.0*)?$/;
const MAX_EMAIL_LENGTH = 254;
// An address is checked for its shape only; whether it exists, nobody can tell from here.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be in there
const EMAIL = /^[^\s@\u0000-\u001f\u007f]+@(?:[^\s@.\u0000-\u001f\u007f]+\.)+[^\s@.\u0000-\u001f\u007f]+$/;

/** A whole number above 0, as a number or as its digits. */
export const wholeNumber: Field = {
  exact: true,
  problems: INVALID,
  read: (value) => readWhole(value) ?? new Problem('INVALID', `${WHOLE_RULE}, not ${shown(value)}`),
};

const WHOLE_RULE = 'must be a whole number from 1 to 9007199254740991';

export const emailAddress: Field = {
  problems: INVALID,
  read: (value) => (isEmail(value) ? value : new Problem('INVALID', EMAIL_RULE)),
};

const EMAIL_RULE = 'is not an address like name@shop.example, of up to 254 characters';

/** A number with up to 4 decimals: its ten-thousandths, as a text where a double would round them. */
export const decimal: Field = {
  exact: true,
  problems: ['NOT_A_NUMBER', 'TOO_MANY_DECIMALS', 'OUT_OF_RANGE'],
  read: (value) => {
    const exact = readTenThousandths(value);
    if (typeof exact === 'number') return exact;
    return typeof exact === 'bigint' ? String(exact) : decimalProblem(exact, value);
  },
};

/** A text without control characters. */
export function text({ longest }: { longest: number }): Field {
  return pattern(
    new RegExp(`^\\P{Cc}{1,${longest}}$`, 'u'),
    `must be a text of 1 to ${longest} characters without control characters`,
  );
}

/** A text of a certain form; `rule` ends the sentence that begins with the name of the field. */
export function pattern(form: RegExp, rule: string, holds: (text: string) => boolean = () => true): Field {
  const problem = new Problem('INVALID', rule);
  return {
    problems: INVALID,
    read: (value) => (isText(value, form) && holds(value) ? value : problem),
  };
}

export function optional(field: Field): Field {
  return { ...field, optional: true };
}

export function isText(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value) && value.isWellFormed();
}

export function isEmail(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= MAX_EMAIL_LENGTH && EMAIL.test(value) && value.isWellFormed()
  );
}

/** A whole number from 1 to 2^53 - 1. */
export function readWhole(value: unknown): number | undefined {
  const whole = typeof value === 'string' ? Number(WHOLE_TEXT.exec(value)?.[1]) : value;
  return typeof whole === 'number' && Number.isSafeInteger(whole) && whole > 0 ? whole : undefined;
}

export function readTenThousandths(value: unknown): number | bigint | DecimalProblem {
  if (typeof value === 'number') {
    const exact = tenThousandthsOf(value);
    if (exact !== undefined) return exact;
  } else if (typeof value !== 'string') {
    return 'not-a-number';
  }
  const reading = readDecimal(String(value));
  if (!('problem' in reading)) return reading.tenThousandths;
  return value === Infinity || value === -Infinity ? 'out-of-range' : reading.problem;
}

export function decimalProblem(problem: DecimalProblem, value: unknown): Problem {
  switch (problem) {
    case 'too-many-decimals':
      return new Problem(
        'TOO_MANY_DECIMALS',
        `${shown(value)} has more than 4 decimals: round it in the shop`,
      );
    case 'out-of-range':
      return new Problem('OUT_OF_RANGE', 'must lie between -922337203685477.5808 and 922337203685477.5807');
    case 'not-a-number':
      return new Problem(
        'NOT_A_NUMBER',
        `must be a number or a text of digits like 12.30, not ${shown(value)}`,
      );
  }
}

/** A short, harmless picture of a wrong value for the sentence. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string' && !('problem' in readDecimal(value))) return value;
  const json = JSON.stringify(value) ?? 'nothing';
  const characters = [...json.toWellFormed()];
  return characters.length <= 40 ? json : `${characters.slice(0, 40).join('')}…`;
}
