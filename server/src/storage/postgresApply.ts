import { freeBytes } from '../domain/ownBuffer.ts';
import { unpackText } from '../domain/packedText.ts';
import { jobTypeNamed } from '../jobTypes/jobTypes.ts';
import type { JobRow } from './jobRow.ts';
import type { Connection, Row } from './postgresDatabase.ts';

/** Applying batches on PostgreSQL, inside the transaction of `applyNext`: docs/decisions/0007-postgres-storage.md. */

export interface StagedBatch {
  n: number;
  recordCount: number;
  rowCount: number;
  removalCount: number;
  rejectCount: number;
  pointsTypes: string[];
  packedRows: Uint8Array;
}

export interface Settled {
  records: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
}

/** Up to `maxRecords` of the batches that come next, but at least one. */
export async function nextBatches(tx: Connection, job: JobRow, maxRecords: number): Promise<StagedBatch[]> {
  const rows = await tx.all(NEXT_BATCHES, { jobSeq: job.jobSeq, next: job.nextBatch, maxRecords });
  return rows.map(batchFromRow);
}

const NEXT_BATCHES = `
  SELECT n, record_count, row_count, removal_count, reject_count, points_types, packed_rows
  FROM (
    SELECT b.*, row_number() OVER ahead AS place, sum(record_count) OVER ahead AS records
    FROM (
      SELECT * FROM artly.job_batches WHERE job_seq = :jobSeq AND n >= :next ORDER BY n LIMIT 200
    ) AS b
    WINDOW ahead AS (ORDER BY n)
  ) AS b
  WHERE place = 1 OR records <= :maxRecords ORDER BY n`;

/** Where the job stands among the others of its line: the same for all batches of one transaction. */
export interface Order {
  /** Whether records that change nothing leave their mark. */
  mark: boolean;
  olderThanRemovals: boolean;
}

/**
 * Whether an older job of the line may still bring records: it is still coming in, waits, or could be retried. Then a
 * record that changes nothing must leave its mark too, or the older job would overwrite what it said. And whether a
 * newer job has removed balances of the site, which this job must not bring back.
 */
export async function orderOf(tx: Connection, { siteId, type, jobSeq, mode }: JobRow): Promise<Order> {
  const row = await tx.get(
    `SELECT EXISTS (
         SELECT FROM artly.jobs
         WHERE site_id = :siteId AND type = :type AND job_seq < :jobSeq AND status IN ('pending', 'running')
           AND records_kept
       ) OR EXISTS (
         SELECT FROM artly.jobs
         WHERE site_id = :siteId AND type = :type AND job_seq < :jobSeq AND status IN ('failed', 'cancelled')
           AND records_kept
       ) AS may_be_overtaken,
       EXISTS (
         SELECT FROM artly.removed_balances WHERE site_id = :siteId AND job_seq > :jobSeq
       ) AS older_than_removals`,
    { siteId, type, jobSeq },
  );
  return {
    mark: mode === 'snapshot' || row?.may_be_overtaken === true,
    olderThanRemovals: row?.older_than_removals === true,
  };
}

/** Applies one batch and adds what became of its records to `settled`. */
export async function applyBatch(
  tx: Connection,
  { job, batch, order, settled }: { job: JobRow; batch: StagedBatch; order: Order; settled: Settled },
): Promise<void> {
  const { siteId, jobSeq } = job;
  let inserted = 0;
  let updated = 0;
  if (batch.rowCount > 0) {
    const rows = { siteId, jobSeq, ...rowsOf(batch) };
    const { write, mark } = jobTypeNamed(job.type).table?.postgres ?? balanceStatements(order);
    const written = await tx.get(write, rows);
    inserted = written?.inserted as number;
    updated = written?.updated as number;
    if (order.mark && mark !== null) await tx.run(mark, rows);
    freeBytes(rows.rows);
  }
  if (batch.removalCount > 0) {
    const removals = { siteId, jobSeq, n: batch.n };
    updated += await tx.run(REMOVE, removals);
    await tx.run(REMEMBER_REMOVED, removals);
  }
  settled.records += batch.recordCount;
  settled.inserted += inserted;
  settled.updated += updated;
  settled.unchanged += batch.recordCount - batch.rejectCount - inserted - updated;
  settled.rejected += batch.rejectCount;
}

function balanceStatements({ olderThanRemovals }: Order): { write: string; mark: string } {
  return { write: olderThanRemovals ? UPSERT_UNLESS_REMOVED : UPSERT, mark: MARK };
}

/** The rows of a batch, as the parameters of the statements that read them. */
function rowsOf({ packedRows, pointsTypes }: StagedBatch): { rows: Buffer; onlyType: string | null } {
  const onlyType = pointsTypes.length === 1 ? (pointsTypes[0] as string) : null;
  return { rows: unpackText(packedRows), onlyType };
}

/** The rows of a batch; one with a single type of points names it once, in `:onlyType`. */
const ROWS = `(
  SELECT (r ->> 0)::bigint AS wp_user_id, r ->> 1 AS email, (r ->> 2)::bigint AS balance,
    (r ->> 3)::bigint AS checksum, coalesce(:onlyType, r ->> 4) AS points_type
  FROM jsonb_array_elements(:rows::text::jsonb) AS r)`;

const REMOVALS = `(
  SELECT (r ->> 0)::bigint AS wp_user_id, r ->> 1 AS points_type
  FROM artly.job_batches AS b, jsonb_array_elements(b.removal_list) AS r WHERE b.job_seq = :jobSeq AND b.n = :n)`;

/**
 * One row of a table, by the key of the row `r`. The LIMIT makes the planner look up each: it never walks through a
 * table whose size it guesses wrong.
 */
const STANDING = (table: string, columns: string, condition = 'true') => `LATERAL (
  SELECT ${columns} FROM ${table} AS s
  WHERE s.site_id = :siteId AND s.wp_user_id = r.wp_user_id AND s.points_type = r.points_type AND ${condition}
  LIMIT 1)`;

/**
 * What stands and differs is updated where it stands, what doesn't stand is inserted, and the rest is not touched. Quicker
 * than ON CONFLICT, which looks up each row again, and locks and so writes also those that don't change. Only one
 * job of a site writes balances at a time, so what doesn't stand can't come in between. Sorted by key, so that
 * transactions take their locks in one order.
 */
const UPSERT_WHERE = (joins: string, condition: string) => `
  WITH rows AS MATERIALIZED (
    SELECT r.*, s.place
    FROM ${ROWS} AS r
      LEFT JOIN ${STANDING('artly.points_balances', 's.ctid AS place, s.balance, s.email, s.job_seq')} AS s ON true
      ${joins}
    WHERE (s.place IS NULL
        OR (s.job_seq <= :jobSeq::bigint AND (s.balance <> r.balance OR s.email <> r.email)))
      AND ${condition}
    ORDER BY r.wp_user_id, r.points_type
  ), updated AS (
    UPDATE artly.points_balances AS p
    SET balance = r.balance, job_seq = :jobSeq::bigint, checksum = r.checksum, email = r.email
    FROM rows AS r WHERE p.ctid = r.place RETURNING 1
  ), inserted AS (
    INSERT INTO artly.points_balances (site_id, wp_user_id, points_type, balance, job_seq, checksum, email)
    SELECT :siteId::integer, r.wp_user_id, r.points_type, r.balance, :jobSeq::bigint, r.checksum, r.email
    FROM rows AS r WHERE r.place IS NULL RETURNING 1)
  SELECT (SELECT count(*) FROM updated) AS updated, (SELECT count(*) FROM inserted) AS inserted`;

const UPSERT = UPSERT_WHERE('', 'true');

/** For a job that is older than some removal of its site. */
const UPSERT_UNLESS_REMOVED = UPSERT_WHERE(
  `LEFT JOIN ${STANDING('artly.removed_balances', 's.job_seq')} AS x ON true`,
  'coalesce(x.job_seq <= :jobSeq, true)',
);

const MARK = `
  UPDATE artly.points_balances SET job_seq = :jobSeq
  WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM ${ROWS} AS r
      CROSS JOIN ${STANDING('artly.points_balances', 's.ctid', 's.job_seq < :jobSeq')} AS s))`;

const REMOVE = `
  DELETE FROM artly.points_balances
  WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM ${REMOVALS} AS r
      CROSS JOIN ${STANDING('artly.points_balances', 's.ctid', 's.job_seq <= :jobSeq')} AS s))`;

/** Also where a newer job's balance stays: being older, this entry then never counts. */
const REMEMBER_REMOVED = `
  INSERT INTO artly.removed_balances AS x (site_id, wp_user_id, points_type, job_seq)
  SELECT :siteId, r.wp_user_id, r.points_type, :jobSeq FROM ${REMOVALS} AS r
  ORDER BY r.wp_user_id, r.points_type
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = greatest(x.job_seq, excluded.job_seq)`;

/** Every statement that a batch may run; a test proves that none of them walks through all balances. */
export const BATCH_STATEMENTS = { UPSERT, UPSERT_UNLESS_REMOVED, MARK, REMOVE, REMEMBER_REMOVED };

function batchFromRow(row: Row): StagedBatch {
  return {
    n: row.n as number,
    recordCount: row.record_count as number,
    rowCount: row.row_count as number,
    removalCount: row.removal_count as number,
    rejectCount: row.reject_count as number,
    pointsTypes: row.points_types as string[],
    packedRows: row.packed_rows as Uint8Array,
  };
}
