import type { JobRow } from './jobRow.ts';
import type { Connection, PostgresDatabase, Row } from './postgresDatabase.ts';
import { recordsOf, type StagedBatch, stagedBatchFromRow } from './stagedBatch.ts';

/** Reading the batches of a job on PostgreSQL, in their order, when they are to be applied. */

/** A batch with its rows, read together as each reading is a way to the server and back. */
export interface PackedBatch extends StagedBatch {
  packedRows: Uint8Array;
}

/** Read at once: two moves of a large job, all of a small one. */
const RECORDS_A_READ = 20_000;
/** Jobs of which batches are kept ahead: some 0.3 MB each. */
const MOST_AHEAD = 16;

/** By job, batches that were read and not applied yet. They never change, so they can't be out of date. */
const aheadOf = new WeakMap<PostgresDatabase, Map<number, PackedBatch[]>>();

/** Up to `maxRecords` of the batches that come next, but at least one. */
export async function nextBatches(
  db: PostgresDatabase,
  tx: Connection,
  { job, maxRecords }: { job: JobRow; maxRecords: number },
): Promise<PackedBatch[]> {
  const ahead = aheadOf.get(db) ?? new Map<number, PackedBatch[]>();
  aheadOf.set(db, ahead);
  const kept = ahead.get(job.jobSeq) ?? [];
  ahead.delete(job.jobSeq);
  const found = isEnough(kept, { job, maxRecords }) ? kept : await readBatches(tx, job);
  const count = countWithin(found, maxRecords);
  if (count < found.length) keepAhead(ahead, job.jobSeq, found.slice(count));
  return found.slice(0, count);
}

/** Whether they are what comes next, and as many as one move may take, or all that are left. */
function isEnough(batches: PackedBatch[], { job, maxRecords }: { job: JobRow; maxRecords: number }): boolean {
  if (batches[0]?.n !== job.nextBatch) return false;
  return recordsOf(batches) >= maxRecords || batches.at(-1)?.n === job.batchCount - 1;
}

/** How many of the first ones have at most `maxRecords` together: at least one. */
function countWithin(batches: PackedBatch[], maxRecords: number): number {
  let [count, records] = [0, 0];
  for (const { recordCount } of batches) {
    records += recordCount;
    if (count > 0 && records > maxRecords) break;
    count += 1;
  }
  return count;
}

/** A job that goes on elsewhere leaves its batches here until others need the room. */
function keepAhead(ahead: Map<number, PackedBatch[]>, jobSeq: number, batches: PackedBatch[]): void {
  const [oldest] = ahead.keys();
  if (ahead.size >= MOST_AHEAD && oldest !== undefined) ahead.delete(oldest);
  ahead.set(jobSeq, batches);
}

async function readBatches(tx: Connection, { jobSeq, nextBatch }: JobRow): Promise<PackedBatch[]> {
  const rows = await tx.all(NEXT_BATCHES, { jobSeq, next: nextBatch, maxRecords: RECORDS_A_READ });
  return rows.map(batchFromRow);
}

const NEXT_BATCHES = `
  SELECT n, record_count, row_count, removal_count, reject_count, min_user_id, max_user_id, points_types, packed_rows
  FROM (
    SELECT b.*, row_number() OVER ahead AS place, sum(record_count) OVER ahead AS records
    FROM (
      SELECT * FROM artly.job_batches WHERE job_seq = :jobSeq AND n >= :next ORDER BY n LIMIT 400
    ) AS b
    WINDOW ahead AS (ORDER BY n)
  ) AS b
  WHERE place = 1 OR records <= :maxRecords ORDER BY n`;

function batchFromRow(row: Row): PackedBatch {
  const packedRows = row.packed_rows as Uint8Array;
  return { ...stagedBatchFromRow(row, row.points_types as string[]), packedRows };
}
