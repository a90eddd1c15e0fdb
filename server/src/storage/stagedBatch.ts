/** Batches of a job as they are staged, and what becomes of them: the same on every database. */

export interface StagedBatch {
  n: number;
  recordCount: number;
  rowCount: number;
  removalCount: number;
  rejectCount: number;
  minUserId: number;
  maxUserId: number;
  pointsTypes: string[];
}

export interface Settled {
  records: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
}

/** How many records of the job the batches settle together. */
export function recordsOf(batches: StagedBatch[]): number {
  return batches.reduce((sum, { recordCount }) => sum + recordCount, 0);
}

/** `pointsTypes` is a column of JSON, which only one of the databases reads by itself. */
export function stagedBatchFromRow(row: Record<string, unknown>, pointsTypes: string[]): StagedBatch {
  return {
    n: row.n as number,
    recordCount: row.record_count as number,
    rowCount: row.row_count as number,
    removalCount: row.removal_count as number,
    rejectCount: row.reject_count as number,
    minUserId: row.min_user_id as number,
    maxUserId: row.max_user_id as number,
    pointsTypes,
  };
}
