import { crc32 } from 'node:zlib';
import { DECIMALS } from './decimal.ts';
import type { PointsBalance } from './pointsBalance.ts';

/** A record that sets a balance. */
export type BalanceRecord = PointsBalance & { tenThousandths: number | bigint };

/**
 * The canonical text of a balance: `wp_user_id|email|points_type|points_balance`, the balance with exactly 4
 * decimals, in UTF-8. docs/api.md has the MySQL expression that gives the same.
 */
export function canonicalText({ wpUserId, email, pointsType, tenThousandths }: BalanceRecord): string {
  return `${wpUserId}|${email}|${pointsType}|${fixedText(tenThousandths)}`;
}

/** The CRC-32 (as zlib, PHP and MySQL have it) of the canonical text: a whole number from 0 to 2^32 - 1. */
export function checksumOf(record: BalanceRecord): number {
  return crc32(canonicalText(record));
}

function fixedText(tenThousandths: number | bigint): string {
  const negative = tenThousandths < 0;
  const digits = String(negative ? -tenThousandths : tenThousandths).padStart(DECIMALS + 1, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}
