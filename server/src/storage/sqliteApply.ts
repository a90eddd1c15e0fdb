import { freeBytes } from '../domain/ownBuffer.ts';
import { unpackText } from '../domain/packedText.ts';
import type { RecordTable } from '../jobTypes/jobType.ts';
import { jobTypeNamed } from '../jobTypes/jobTypes.ts';
import type { JobRow } from './jobRow.ts';
import type { Row, SqliteDatabase } from './sqliteDatabase.ts';
import { type Settled, type StagedBatch, stagedBatchFromRow } from './stagedBatch.ts';

/** Applying batches on SQLite, inside the transaction of `applyNext`: docs/decisions/0003-the-batch.md. */

/** Ids that lie this close are counted by their range, which is far cheaper than looking up each. */
const CLOSE_IDS = 4;

/** Up to `maxRecords` of the batches that come next, but at least one. */
export function nextBatches(db: SqliteDatabase, job: JobRow, maxRecords: number): StagedBatch[] {
  const batches: StagedBatch[] = [];
  let records = 0;
  const rows = db.each(
    `SELECT n, record_count, row_count, removal_count, reject_count, min_user_id, max_user_id,
       points_types
     FROM job_batches WHERE job_seq = :jobSeq AND n >= :next ORDER BY n`,
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
     WHERE site_id = :siteId AND type = :type AND coalesce(place, job_seq) < :place AND status IN ('pending', 'running')
       AND records_kept = 1
     UNION ALL
     SELECT 1 FROM jobs
     WHERE site_id = :siteId AND type = :type AND coalesce(place, job_seq) < :place AND status IN ('failed', 'cancelled')
       AND records_kept = 1
     LIMIT 1`,
    { siteId: job.siteId, type: job.type, place: job.place },
  );
  return older !== undefined;
}

/** Where the job stands among the others of its line: the same for all batches of one transaction. */
interface Order {
  /** Whether records that change nothing leave their mark. */
  mark: boolean;
  olderThanRemovals: boolean;
}

/** Applies one batch and adds what became of its records to `settled`. */
export function applyBatch(
  db: SqliteDatabase,
  { job, batch, order, settled }: { job: JobRow; batch: StagedBatch; order: Order; settled: Settled },
): void {
  const { table } = jobTypeNamed(job.type);
  const { inserted, changed } =
    table === null
      ? writeBalances(db, { job, batch, order })
      : writeRows(db, { table, job, batch, mark: order.mark });
  settled.records += batch.recordCount;
  settled.inserted += inserted;
  settled.updated += changed - inserted;
  settled.unchanged += batch.recordCount - batch.rejectCount - changed;
  settled.rejected += batch.rejectCount;
}

/** Rows that were written or removed, and how many of them are new. */
interface Written {
  inserted: number;
  changed: number;
}

function writeBalances(
  db: SqliteDatabase,
  { job, batch, order }: { job: JobRow; batch: StagedBatch; order: Order },
): Written {
  const { jobSeq, siteId, place } = job;
  let inserted = 0;
  let changed = 0;
  if (batch.rowCount > 0) {
    const rows = rowsOf(db, job, batch);
    const before = countStanding(db, job, batch, rows);
    changed += db.run(order.olderThanRemovals ? UPSERT_UNLESS_REMOVED : UPSERT, { siteId, place, ...rows });
    // Where nothing stood or nothing changed, that alone tells what is new.
    inserted = before === 0 || changed === 0 ? changed : countStanding(db, job, batch, rows) - before;
    if (order.mark) db.run(MARK, { siteId, place, ...rows });
    freeBytes(rows.rows);
  }
  if (batch.removalCount > 0) {
    const removals = { siteId, place, jobSeq, n: batch.n };
    changed += db.run(REMOVE, removals);
    db.run(REMEMBER_REMOVED, removals);
  }
  return { inserted, changed };
}

/** The records of all other types: what their table says. Where rows may change, a key stands once, so what doesn't stand is new. */
function writeRows(
  db: SqliteDatabase,
  { table, job, batch, mark }: { table: RecordTable; job: JobRow; batch: StagedBatch; mark: boolean },
): Written {
  if (batch.rowCount === 0) return { inserted: 0, changed: 0 };
  const { siteId, place } = job;
  const { write, countStanding, mark: markStatement } = table.sqlite;
  const { rows } = rowsOf(db, job, batch);
  const standing = countStanding === null ? undefined : db.get(countStanding, { siteId, rows })?.standing;
  const changed = db.run(write, write.includes(':place') ? { siteId, place, rows } : { siteId, rows });
  if (mark && markStatement !== null) db.run(markStatement, { siteId, place, rows });
  freeBytes(rows);
  return { inserted: standing === undefined ? changed : batch.rowCount - (standing as number), changed };
}

/** The rows of a batch, as the parameters of the statements that read them. */
interface BatchRows extends Record<string, Buffer | string | null> {
  rows: Buffer;
  onlyType: string | null;
}

function rowsOf(db: SqliteDatabase, { jobSeq }: JobRow, { n, pointsTypes }: StagedBatch): BatchRows {
  const row = db.get('SELECT packed_rows FROM job_batches WHERE job_seq = :jobSeq AND n = :n', { jobSeq, n });
  const onlyType = pointsTypes.length === 1 ? (pointsTypes[0] as string) : null;
  return { rows: unpackText(row?.packed_rows as Uint8Array), onlyType };
}

/**
 * How many balances stand where this batch writes: counted before and after, the difference is what it inserted.
 * The neighbours that a count by range takes in stand both times.
 */
function countStanding(db: SqliteDatabase, { siteId }: JobRow, batch: StagedBatch, rows: BatchRows): number {
  const { minUserId: from, maxUserId: to, rowCount } = batch;
  const row =
    to - from < CLOSE_IDS * rowCount
      ? db.get(COUNT_IN_RANGE, { siteId, from, to })
      : db.get(COUNT_EACH, { siteId, ...rows });
  return row?.count as number;
}

/** Whether a newer job has removed balances of the site, which this job must not bring back. */
export function isOlderThanRemovals(db: SqliteDatabase, { siteId, place }: JobRow): boolean {
  const newer = 'SELECT 1 FROM removed_balances WHERE site_id = :siteId AND job_seq > :place LIMIT 1';
  return db.get(newer, { siteId, place }) !== undefined;
}

/** The fields of a row `r` of a batch; a batch with one type of points names it once, in `:onlyType`. */
const ROW = {
  wpUserId: "json_extract(r.value, '$[0]')",
  email: "json_extract(r.value, '$[1]')",
  balance: "json_extract(r.value, '$[2]')",
  checksum: "json_extract(r.value, '$[3]')",
  pointsType: "coalesce(:onlyType, json_extract(r.value, '$[4]'))",
};
/** As binary JSON, a row is not parsed again for each of its fields: that takes a third less time. */
const ROWS = 'FROM jsonb_each(CAST(:rows AS TEXT)) AS r';
const REMOVAL = { wpUserId: "json_extract(r.value, '$[0]')", pointsType: "json_extract(r.value, '$[1]')" };
const REMOVALS =
  'FROM job_batches AS b, json_each(b.removal_list) AS r WHERE b.job_seq = :jobSeq AND b.n = :n';

const INSERT_ROWS = `
  INSERT INTO points_balances (site_id, wp_user_id, points_type, balance, job_seq, checksum, email)
  SELECT :siteId, ${ROW.wpUserId}, ${ROW.pointsType}, ${ROW.balance}, :place, ${ROW.checksum}, ${ROW.email} ${ROWS}
  WHERE true`;

const WHERE_DIFFERENT = `
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE
    SET balance = excluded.balance, job_seq = excluded.job_seq, checksum = excluded.checksum, email = excluded.email
    WHERE points_balances.job_seq <= excluded.job_seq
      AND (points_balances.balance <> excluded.balance OR points_balances.email <> excluded.email)`;

const UPSERT = `${INSERT_ROWS} ${WHERE_DIFFERENT}`;

/** For a job that is older than some removal of its site. */
const UPSERT_UNLESS_REMOVED = `${INSERT_ROWS}
  AND NOT EXISTS (
    SELECT 1 FROM removed_balances AS x
    WHERE x.site_id = :siteId AND x.wp_user_id = ${ROW.wpUserId} AND x.points_type = ${ROW.pointsType}
      AND x.job_seq > :place)
  ${WHERE_DIFFERENT}`;

const MARK = `
  UPDATE points_balances SET job_seq = :place
  WHERE site_id = :siteId AND job_seq < :place
    AND (wp_user_id, points_type) IN (SELECT ${ROW.wpUserId}, ${ROW.pointsType} ${ROWS})`;

const REMOVE = `
  DELETE FROM points_balances
  WHERE site_id = :siteId AND job_seq <= :place
    AND (wp_user_id, points_type) IN (SELECT ${REMOVAL.wpUserId}, ${REMOVAL.pointsType} ${REMOVALS})`;

/** Also where a newer job's balance stays: being older, this entry then never counts. */
const REMEMBER_REMOVED = `
  INSERT INTO removed_balances (site_id, wp_user_id, points_type, job_seq)
  SELECT :siteId, ${REMOVAL.wpUserId}, ${REMOVAL.pointsType}, :place ${REMOVALS}
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = max(job_seq, excluded.job_seq)`;

const COUNT_IN_RANGE = `
  SELECT count(*) AS count FROM points_balances WHERE site_id = :siteId AND wp_user_id BETWEEN :from AND :to`;

/** A member and type stands once in a batch, so each standing balance is counted once. */
const COUNT_EACH = `
  SELECT count(*) AS count FROM points_balances
  WHERE site_id = :siteId AND (wp_user_id, points_type) IN (SELECT ${ROW.wpUserId}, ${ROW.pointsType} ${ROWS})`;

/** Every statement that a batch may run; a test proves that none of them walks through all balances. */
export const BATCH_STATEMENTS = {
  UPSERT,
  UPSERT_UNLESS_REMOVED,
  MARK,
  REMOVE,
  REMEMBER_REMOVED,
  COUNT_IN_RANGE,
  COUNT_EACH,
};

function batchFromRow(row: Row): StagedBatch {
  return stagedBatchFromRow(row, JSON.parse(row.points_types as string));
}
