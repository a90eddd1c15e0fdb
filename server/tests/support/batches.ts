import type { Batch } from '../../src/domain/batch.ts';
import { BatchBuilder } from '../../src/intake/batchBuilder.ts';
import { jobTypeNamed } from '../../src/jobTypes/jobTypes.ts';

/** The batches that the intake makes of these records. */
export function batchesOf(records: Iterable<unknown>, type = 'points-balances'): Batch[] {
  const builder = new BatchBuilder({ type: jobTypeNamed(type), maxRejects: Infinity });
  for (const record of records) builder.add(record);
  return builder.end();
}

/** One good record. `balance` may be a text of digits, as PHP sends it. */
export function member(wpUserId: number, balance: number | string, pointsType?: string): object {
  const record = { wp_user_id: wpUserId, email: `member${wpUserId}@shop.example`, points_balance: balance };
  return pointsType === undefined ? record : { ...record, points_type: pointsType };
}

/** A record that removes a balance. */
export function removal(wpUserId: number, pointsType?: string): object {
  const record = { wp_user_id: wpUserId, deleted: true };
  return pointsType === undefined ? record : { ...record, points_type: pointsType };
}

/** A record that is rejected, and whose id can be read. */
export function badRecord(wpUserId: number): object {
  return { wp_user_id: wpUserId, email: 'nobody', points_balance: 1 };
}

/** Whole numbers, both ends included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
