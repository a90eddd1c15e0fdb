import { type DecimalProblem, readDecimal, tenThousandthsOf } from './decimal.ts';

/**
 * The rules of a record of type `points-balances`. One bad record is one bad record: it is rejected with a
 * code and a sentence, and the others go through. docs/errors.md lists the same codes.
 */
export const REJECT_CODES = [
  'RECORD_NOT_AN_OBJECT',
  'WP_USER_ID_MISSING',
  'WP_USER_ID_INVALID',
  'EMAIL_MISSING',
  'EMAIL_INVALID',
  'POINTS_TYPE_INVALID',
  'BALANCE_MISSING',
  'BALANCE_NOT_A_NUMBER',
  'BALANCE_TOO_MANY_DECIMALS',
  'BALANCE_OUT_OF_RANGE',
  'DELETED_INVALID',
] as const;
export type RejectCode = (typeof REJECT_CODES)[number];

export const DEFAULT_POINTS_TYPE = 'points';
const POINTS_TYPE = /^\P{Cc}{1,64}$/u;
/** Digits, as PHP and MySQL give a whole number; up to 16, as no id is longer. */
const WHOLE_TEXT = /^0*(\d{1,16})(?:\.0*)?$/;
const MAX_EMAIL_LENGTH = 254;
// An address is checked for its shape only; whether it exists, nobody can tell from here.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be in there
const EMAIL = /^[^\s@\u0000-\u001f\u007f]+@(?:[^\s@.\u0000-\u001f\u007f]+\.)+[^\s@.\u0000-\u001f\u007f]+$/;

/** A record that can be applied. `tenThousandths` is whole; null removes the balance. */
export interface PointsBalance {
  wpUserId: number;
  email: string;
  pointsType: string;
  tenThousandths: number | bigint | null;
}

/** A balance as it is read back: `tenThousandths` is exact, so it is a bigint. */
export interface Balance extends Pick<PointsBalance, 'wpUserId' | 'email' | 'pointsType'> {
  tenThousandths: bigint;
}

/** Why one record can't be applied. `wpUserId` is null where it could not be read. */
export interface Reject {
  wpUserId: number | null;
  code: RejectCode;
  message: string;
}

/** Reads one record as it came out of the JSON body. */
export function readPointsBalance(record: unknown): PointsBalance | Reject {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    return reject(
      null,
      'RECORD_NOT_AN_OBJECT',
      'A record must be an object with wp_user_id, email and points_balance.',
    );
  }
  const { wp_user_id, email, points_balance, points_type, deleted } = record as Record<string, unknown>;
  const wpUserId = readUserId(wp_user_id);
  if (wpUserId === undefined) return rejectUserId(wp_user_id);
  const pointsType = points_type ?? DEFAULT_POINTS_TYPE;
  if (!isPointsType(pointsType)) {
    const rule = 'points_type must be a text of 1 to 64 characters without control characters.';
    return reject(wpUserId, 'POINTS_TYPE_INVALID', rule);
  }
  if (deleted === true) return { wpUserId, email: '', pointsType, tenThousandths: null };
  if (deleted !== undefined && deleted !== false && deleted !== null) {
    return reject(wpUserId, 'DELETED_INVALID', 'deleted must be true, or left out.');
  }
  if (!isEmail(email)) return rejectEmail(wpUserId, email);
  const tenThousandths = readBalance(points_balance);
  if (typeof tenThousandths === 'string') return rejectBalance(wpUserId, tenThousandths, points_balance);
  return { wpUserId, email, pointsType, tenThousandths };
}

export function isReject(reading: PointsBalance | Reject): reading is Reject {
  return 'code' in reading;
}

function readUserId(value: unknown): number | undefined {
  const id = typeof value === 'string' ? Number(WHOLE_TEXT.exec(value)?.[1]) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

function readBalance(value: unknown): number | bigint | DecimalProblem {
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

function isEmail(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= MAX_EMAIL_LENGTH && EMAIL.test(value) && value.isWellFormed()
  );
}

function isPointsType(value: unknown): value is string {
  return typeof value === 'string' && POINTS_TYPE.test(value) && value.isWellFormed();
}

function reject(wpUserId: number | null, code: RejectCode, message: string): Reject {
  return { wpUserId, code, message };
}

function rejectUserId(value: unknown): Reject {
  if (value === undefined || value === null) {
    return reject(null, 'WP_USER_ID_MISSING', 'wp_user_id is missing: it says whose balance this is.');
  }
  return reject(
    null,
    'WP_USER_ID_INVALID',
    `wp_user_id must be a whole number from 1 to 9007199254740991, not ${shown(value)}.`,
  );
}

function rejectEmail(wpUserId: number, value: unknown): Reject {
  if (value === undefined || value === null || value === '') {
    return reject(wpUserId, 'EMAIL_MISSING', 'email is missing: give the member an address in the shop.');
  }
  return reject(
    wpUserId,
    'EMAIL_INVALID',
    'email is not an address like name@shop.example, of up to 254 characters.',
  );
}

function rejectBalance(wpUserId: number, problem: DecimalProblem, value: unknown): Reject {
  if (value === undefined) {
    return reject(wpUserId, 'BALANCE_MISSING', 'points_balance is missing.');
  }
  switch (problem) {
    case 'too-many-decimals':
      return reject(
        wpUserId,
        'BALANCE_TOO_MANY_DECIMALS',
        `points_balance ${shown(value)} has more than 4 decimals: round it in the shop.`,
      );
    case 'out-of-range':
      return reject(
        wpUserId,
        'BALANCE_OUT_OF_RANGE',
        'points_balance must lie between -922337203685477.5808 and 922337203685477.5807.',
      );
    case 'not-a-number':
      return reject(
        wpUserId,
        'BALANCE_NOT_A_NUMBER',
        `points_balance must be a number or a text of digits like 12.30, not ${shown(value)}.`,
      );
  }
}

/** A short, harmless picture of a wrong value for the sentence. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string' && !('problem' in readDecimal(value))) return value;
  const text = JSON.stringify(value) ?? 'nothing';
  const characters = [...text.toWellFormed()];
  return characters.length <= 40 ? text : `${characters.slice(0, 40).join('')}…`;
}
