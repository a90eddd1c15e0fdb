import { freeBytes } from './ownBuffer.ts';
import type { PackedText } from './packedText.ts';
import type { Reject } from './reject.ts';

/** A rejected record with its place in the job, counted from 0. */
export interface RejectedRecord extends Reject {
  index: number;
}

/** The same as its batch carries it: with the record as it was sent, as JSON; null where that is too long to be kept. */
export interface KeptReject extends RejectedRecord {
  record: string | null;
}

/**
 * Checked records of one job, in the form storage keeps until they are applied. A key (of balances: a member and type of
 * points) stands at most once in it, unless what came first always stands.
 */
export interface Batch {
  /** Records of the body this batch settles: rows, removals, rejects, and records a later one stands for. */
  count: number;
  /**
   * Packed JSON text. Of balances: `[[wp_user_id, email, tenThousandths, checksum], …]`, with the points type behind
   * where there are several in `pointsTypes`. Of other types: the values of their fields, `[[key, …], …]`.
   */
  rows: PackedText;
  rowCount: number;
  /** The types of points of `rows`. What follows is of balances alone, but the rejects: elsewhere it is empty, or 0. */
  pointsTypes: string[];
  /** The lowest and highest `wp_user_id` of `rows`; 0 where there is none. */
  minUserId: number;
  maxUserId: number;
  /** JSON text: `[[wp_user_id, pointsType], …]` of balances to remove. */
  removals: string;
  removalCount: number;
  /** Rejected records, in their order: all of them, or the first ones of the job as far as it keeps them. */
  rejects: KeptReject[];
  rejectCount: number;
  /** The members whose record was rejected, where their id could be read. */
  rejectedUserIds: number[];
}

/** Frees the rows of batches that nobody wants any more, at once. */
export function freeBatches(batches: Batch[]): void {
  for (const { rows } of batches) freeBytes(rows);
}
