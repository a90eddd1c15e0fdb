import type { DecimalProblem } from '../domain/decimal.ts';
import { DEFAULT_POINTS_TYPE, type PointsBalance } from '../domain/pointsBalance.ts';
import type { Reject } from '../domain/reject.ts';
import { decimalProblem, isEmail, isText, readTenThousandths, readWhole, shown } from './fields.ts';
import type { JobType } from './jobType.ts';

const REJECT_CODES = [
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

/**
 * The balances of members. They have ways of their own that no other type needs: the short way of plain records
 * (intake/shortWay.ts), removals, checksums and snapshots. So their statements stand in storage/ (`sqliteApply.ts`,
 * `postgresApply.ts`), and only the rules of a record stand here.
 */
export const pointsBalances: JobType = {
  name: 'points-balances',
  olderNames: [],
  records: 'balances',
  rejectCodes: REJECT_CODES,
  exactFields: ['wp_user_id', 'points_balance'],
  table: null,
};

const POINTS_TYPE = /^\P{Cc}{1,64}$/u;

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
  const wpUserId = readWhole(wp_user_id);
  if (wpUserId === undefined) return rejectUserId(wp_user_id);
  const pointsType = points_type ?? DEFAULT_POINTS_TYPE;
  if (!isText(pointsType, POINTS_TYPE)) {
    const rule = 'points_type must be a text of 1 to 64 characters without control characters.';
    return reject(wpUserId, 'POINTS_TYPE_INVALID', rule);
  }
  if (deleted === true) return { wpUserId, email: '', pointsType, tenThousandths: null };
  if (deleted !== undefined && deleted !== false && deleted !== null) {
    return reject(wpUserId, 'DELETED_INVALID', 'deleted must be true, or left out.');
  }
  if (!isEmail(email)) return rejectEmail(wpUserId, email);
  const tenThousandths = readTenThousandths(points_balance);
  if (typeof tenThousandths === 'string') return rejectBalance(wpUserId, tenThousandths, points_balance);
  return { wpUserId, email, pointsType, tenThousandths };
}

function reject(wpUserId: number | null, code: (typeof REJECT_CODES)[number], message: string): Reject {
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

function rejectBalance(wpUserId: number, decimal: DecimalProblem, value: unknown): Reject {
  if (value === undefined) {
    return reject(wpUserId, 'BALANCE_MISSING', 'points_balance is missing.');
  }
  const { code, rule } = decimalProblem(decimal, value);
  return { wpUserId, code: `BALANCE_${code}`, message: `points_balance ${rule}.` };
}
