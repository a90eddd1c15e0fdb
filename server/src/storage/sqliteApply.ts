import { DEFAULT_POINTS_TYPE } from '../domain/pointsBalance.ts';
import type { Row, SqliteDatabase } from './sqliteDatabase.ts';
import type { JobRow } from './sqliteJobRow.ts';

/** Applying batches on SQLite, inside the transaction of `applyNext`: docs/decisions/0003-the-batch.md. */

export interface StagedBatch {
  n: number;
  recordCount: number;
  rowCount: number;
  removalCount: number;
  rejectCount: number;
  minUserId: number;
  maxUserId: number;
  pointsType: string | null;
}

export interface Settled {
  records: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
}

/** Ids that lie this close are counted by their range, which is far cheaper than looking up each. */
const CLOSE_IDS = 4;

/** Up to `maxRecords` of the batches that come next, but at least one. */
export function nextBatches(db: SqliteDatabase, job: JobRow, maxRecords: number): StagedBatch[] {
  const batches: StagedBatch[] = [];
  let records = 0;
  const rows = db.all(
    `SELECT n, record_count, row_count, removal_count, reject_count, min_user_id, max_user_id, points_type
     FROM job_batches WHERE job_seq = :jobSeq AND n >= :next ORDER BY n LIMIT 200`,
    { jobSeq: job.jobSeq, next: job.nextBatch },
  );
  for (const row of rows) {
    const batch = batchFromRow(row);
    records += batch.recordCount;
    if (batches.length > 0 && records > maxRecords) break;
    batches.push(batch);
  }
  return batches;
}

/**
 * Whether an older job of the line may still bring records: it is still coming in, waits, or could be retried.
 * Then a record that changes nothing must leave its mark too, or the older job would overwrite what it said.
 */
export function mayBeOvertaken(db: SqliteDatabase, job: JobRow): boolean {
  const older = db.get(
    `SELECT 1 FROM jobs
     WHERE site_id = :siteId AND type = :type AND job_seq < :jobSeq
       AND (status IN ('pending', 'running') OR (status IN ('failed', 'cancelled') AND records_kept = 1))
     LIMIT 1`,
    { siteId: job.siteId, type: job.type, jobSeq: job.jobSeq },
  );
  return older !== undefined;
}

/** Applies one batch and adds what became of its records to `settled`. */
export function applyBatch(
  db: SqliteDatabase,
  { job, batch, mark, settled }: { job: JobRow; batch: StagedBatch; mark: boolean; settled: Settled },
): void {
  const at = { jobSeq: job.jobSeq, siteId: job.siteId, n: batch.n };
  let inserted = 0;
  let changed = 0;
  if (batch.rowCount > 0) {
    const countNew = newcomerCounter(db, { job, batch });
    changed += db.run(UPSERT, at);
    inserted = countNew();
    if (mark) db.run(MARK, at);
  }
  if (batch.removalCount > 0) {
    changed += db.run(REMOVE, at);
    if (mark) db.run(REMEMBER_REMOVED, at);
  }
  settled.records += batch.recordCount;
  settled.inserted += inserted;
  settled.updated += changed - inserted;
  settled.unchanged += batch.recordCount - batch.rejectCount - changed;
  settled.rejected += batch.rejectCount;
}

/** Called before the upsert; the function it gives is called after it and tells how many balances are new. */
function newcomerCounter(
  db: SqliteDatabase,
  { job, batch }: { job: JobRow; batch: StagedBatch },
): () => number {
  const span = batch.maxUserId - batch.minUserId + 1;
  if (batch.pointsType === null || span > CLOSE_IDS * batch.rowCount) {
    const newcomers = count(db, COUNT_NEW, { jobSeq: job.jobSeq, siteId: job.siteId, n: batch.n });
    return () => newcomers;
  }
  const range = {
    siteId: job.siteId,
    pointsType: batch.pointsType,
    from: batch.minUserId,
    to: batch.maxUserId,
  };
  const before = count(db, COUNT_IN_RANGE, range);
  return () => count(db, COUNT_IN_RANGE, range) - before;
}

function count(db: SqliteDatabase, sql: string, parameters: Record<string, string | number>): number {
  return db.get(sql, parameters)?.count as number;
}

const UPSERT = `
  INSERT INTO points_balances (site_id, wp_user_id, points_type, email, balance, job_seq)
  SELECT :siteId, json_extract(r.value, '$[0]'), coalesce(json_extract(r.value, '$[3]'), '${DEFAULT_POINTS_TYPE}'),
    json_extract(r.value, '$[1]'), json_extract(r.value, '$[2]'), :jobSeq
  FROM job_batches AS b, json_each(b.row_list) AS r
  WHERE b.job_seq = :jobSeq AND b.n = :n
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE
    SET email = excluded.email, balance = excluded.balance, job_seq = excluded.job_seq
    WHERE points_balances.job_seq <= excluded.job_seq
      AND (points_balances.balance IS NOT excluded.balance OR points_balances.email <> excluded.email)`;

const MARK = `
  UPDATE points_balances SET job_seq = :jobSeq
  FROM job_batches AS b, json_each(b.row_list) AS r
  WHERE b.job_seq = :jobSeq AND b.n = :n
    AND points_balances.site_id = :siteId AND points_balances.wp_user_id = json_extract(r.value, '$[0]')
    AND points_balances.points_type = coalesce(json_extract(r.value, '$[3]'), '${DEFAULT_POINTS_TYPE}')
    AND points_balances.job_seq < :jobSeq`;

const REMOVE = `
  UPDATE points_balances SET balance = NULL, email = '', job_seq = :jobSeq
  FROM job_batches AS b, json_each(b.removal_list) AS r
  WHERE b.job_seq = :jobSeq AND b.n = :n
    AND points_balances.site_id = :siteId AND points_balances.wp_user_id = json_extract(r.value, '$[0]')
    AND points_balances.points_type = coalesce(json_extract(r.value, '$[1]'), '${DEFAULT_POINTS_TYPE}')
    AND points_balances.job_seq <= :jobSeq AND points_balances.balance IS NOT NULL`;

const REMEMBER_REMOVED = `
  INSERT INTO points_balances (site_id, wp_user_id, points_type, email, balance, job_seq)
  SELECT :siteId, json_extract(r.value, '$[0]'), coalesce(json_extract(r.value, '$[1]'), '${DEFAULT_POINTS_TYPE}'),
    '', NULL, :jobSeq
  FROM job_batches AS b, json_each(b.removal_list) AS r
  WHERE b.job_seq = :jobSeq AND b.n = :n
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = excluded.job_seq
    WHERE points_balances.job_seq < excluded.job_seq AND points_balances.balance IS NULL`;

const COUNT_IN_RANGE = `
  SELECT count(*) AS count FROM points_balances
  WHERE site_id = :siteId AND wp_user_id BETWEEN :from AND :to AND points_type = :pointsType AND balance IS NOT NULL`;

/** Rows that will be new: nothing stands there, or a removed balance that a job no newer than this one removed. */
const COUNT_NEW = `
  SELECT count(*) AS count
  FROM job_batches AS b, json_each(b.row_list) AS r
  LEFT JOIN points_balances AS p
    ON p.site_id = :siteId AND p.wp_user_id = json_extract(r.value, '$[0]')
    AND p.points_type = coalesce(json_extract(r.value, '$[3]'), '${DEFAULT_POINTS_TYPE}')
  WHERE b.job_seq = :jobSeq AND b.n = :n AND (p.job_seq IS NULL OR (p.balance IS NULL AND p.job_seq <= :jobSeq))`;

function batchFromRow(row: Row): StagedBatch {
  return {
    n: row.n as number,
    recordCount: row.record_count as number,
    rowCount: row.row_count as number,
    removalCount: row.removal_count as number,
    rejectCount: row.reject_count as number,
    minUserId: row.min_user_id as number,
    maxUserId: row.max_user_id as number,
    pointsType: row.points_type as string | null,
  };
}
