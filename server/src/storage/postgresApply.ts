import { freeBytes } from '../domain/ownBuffer.ts';
import { unpackText } from '../domain/packedText.ts';
import type { RecordTable } from '../jobTypes/jobType.ts';
import { jobTypeNamed } from '../jobTypes/jobTypes.ts';
import type { JobRow } from './jobRow.ts';
import type { Connection } from './postgresDatabase.ts';
import { columnsOf, type RowColumns } from './postgresRows.ts';
import type { PackedBatch } from './postgresStaged.ts';
import { recordsOf, type Settled } from './stagedBatch.ts';

/** Applying batches on PostgreSQL, inside a transaction of `applyNext`: docs/decisions/0007-postgres-storage.md. */

/** Where the job stands among the others of its line: the same for all batches of a move. */
export interface Order {
  /** Whether records that change nothing leave their mark. */
  mark: boolean;
  olderThanRemovals: boolean;
  /** Whether a balance of the site stands between the lowest and the highest member of the batches. */
  anyStands: boolean;
}

/** Higher than every id. */
const NO_USER_ID = Number.MAX_SAFE_INTEGER;

/**
 * Whether an older job of the line may still bring records: it is still coming in, waits, or could be retried. Then a
 * record that changes nothing must leave its mark too, or the older job would overwrite what it said. And whether a
 * newer job has removed balances of the site, which this job must not bring back.
 */
export async function orderOf(
  tx: Connection,
  { siteId, type, place, mode }: JobRow,
  batches: PackedBatch[],
): Promise<Order> {
  const withRows = batches.filter(({ rowCount }) => rowCount > 0);
  const row = await tx.get(
    `SELECT EXISTS (
         SELECT FROM artly.jobs
         WHERE site_id = :siteId AND type = :type AND coalesce(place, job_seq) < :place AND status IN ('pending', 'running')
           AND records_kept
       ) OR EXISTS (
         SELECT FROM artly.jobs
         WHERE site_id = :siteId AND type = :type AND coalesce(place, job_seq) < :place AND status IN ('failed', 'cancelled')
           AND records_kept
       ) AS may_be_overtaken,
       EXISTS (
         SELECT FROM artly.removed_balances WHERE site_id = :siteId AND job_seq > :place
       ) AS older_than_removals,
       (SELECT wp_user_id FROM artly.points_balances WHERE site_id = :siteId AND wp_user_id >= :from
        ORDER BY wp_user_id LIMIT 1) AS first_standing`,
    { siteId, type, place, from: Math.min(...withRows.map(({ minUserId }) => minUserId), NO_USER_ID) },
  );
  const lastUserId = Math.max(...withRows.map(({ maxUserId }) => maxUserId), 0);
  return {
    mark: mode === 'snapshot' || row?.may_be_overtaken === true,
    olderThanRemovals: row?.older_than_removals === true,
    anyStands: ((row?.first_standing as number | null) ?? NO_USER_ID) <= lastUserId,
  };
}

/** Applies batches in their order, and tells what became of their records. */
export async function applyBatches(
  tx: Connection,
  { job, batches, order }: { job: JobRow; batches: PackedBatch[]; order: Order },
): Promise<Settled> {
  const settled: Settled = { records: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  const groups = groupsOf(batches);
  // A group may say something else of what the one before it has brought.
  const allNew = groups.length === 1 && !order.anyStands && !order.olderThanRemovals;
  for (const group of groups) {
    const { inserted, updated } = await applyRows(tx, { job, group, order, allNew });
    const removed = await applyRemovals(tx, job, group.at(-1) as PackedBatch);
    const records = recordsOf(group);
    const rejected = sumOf(group, ({ rejectCount }) => rejectCount);
    settled.records += records;
    settled.inserted += inserted;
    settled.updated += updated + removed;
    settled.unchanged += records - rejected - inserted - updated - removed;
    settled.rejected += rejected;
  }
  return settled;
}

/**
 * Batches that one statement may write: the same members stand in no two of them, so that there is no order to keep,
 * and all have one type of points. The first batches of a job are small; a shop sends its members by rising id.
 */
function groupsOf(batches: PackedBatch[]): PackedBatch[][] {
  const groups: PackedBatch[][] = [];
  for (const batch of batches) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (last !== undefined && isJoinable(last, batch)) group?.push(batch);
    else groups.push([batch]);
  }
  return groups;
}

function isJoinable(last: PackedBatch, next: PackedBatch): boolean {
  const type = onlyTypeOf(last);
  if (type === null || type !== onlyTypeOf(next)) return false;
  return last.removalCount === 0 && last.maxUserId < next.minUserId;
}

interface Written {
  inserted: number;
  updated: number;
}

interface Application {
  job: JobRow;
  group: PackedBatch[];
  order: Order;
  allNew: boolean;
}

async function applyRows(tx: Connection, application: Application): Promise<Written> {
  const { job, group, order } = application;
  if (sumOf(group, ({ rowCount }) => rowCount) === 0) return { inserted: 0, updated: 0 };
  const { table } = jobTypeNamed(job.type);
  if (table === null) return writeBalances(tx, application);
  return writeRows(tx, { table, job, batch: group[0] as PackedBatch, mark: order.mark });
}

async function writeBalances(
  tx: Connection,
  { job: { siteId, place }, group, order, allNew }: Application,
): Promise<Written> {
  const columns = columnsOfGroup(group);
  const rows = { siteId, place, onlyType: onlyTypeOf(group[0] as PackedBatch), ...columns };
  try {
    if (allNew) return { inserted: await tx.run(INSERT, rows), updated: 0 };
    const written = await tx.get(order.olderThanRemovals ? UPSERT_UNLESS_REMOVED : UPSERT, rows);
    if (order.mark) await tx.run(MARK, rows);
    return { inserted: written?.inserted as number, updated: written?.updated as number };
  } finally {
    for (const column of Object.values(columns)) if (column !== null) freeBytes(column);
  }
}

/** The records of all other types: what their table says. No two of their batches make a group. */
async function writeRows(
  tx: Connection,
  { table, job, batch, mark }: { table: RecordTable; job: JobRow; batch: PackedBatch; mark: boolean },
): Promise<Written> {
  const rows = { siteId: job.siteId, place: job.place, rows: unpackText(batch.packedRows) };
  const written = await tx.get(table.postgres.write, rows);
  if (mark && table.postgres.mark !== null) await tx.run(table.postgres.mark, rows);
  freeBytes(rows.rows);
  return { inserted: written?.inserted as number, updated: written?.updated as number };
}

function columnsOfGroup(group: PackedBatch[]): RowColumns {
  const rowCount = sumOf(group, (batch) => batch.rowCount);
  const texts = group.map(({ packedRows }) => unpackText(packedRows));
  const columns = columnsOf(texts, { rowCount, withTypes: onlyTypeOf(group[0] as PackedBatch) === null });
  texts.forEach(freeBytes);
  return columns;
}

function onlyTypeOf({ pointsTypes }: PackedBatch): string | null {
  return pointsTypes.length === 1 ? (pointsTypes[0] as string) : null;
}

/** Gives how many balances it removed. */
async function applyRemovals(
  tx: Connection,
  { siteId, jobSeq, place }: JobRow,
  { n, removalCount }: PackedBatch,
): Promise<number> {
  if (removalCount === 0) return 0;
  const removals = { siteId, place, jobSeq, n };
  const removed = await tx.run(REMOVE, removals);
  await tx.run(REMEMBER_REMOVED, removals);
  return removed;
}

function sumOf(group: PackedBatch[], count: (batch: PackedBatch) => number): number {
  return group.reduce((sum, batch) => sum + count(batch), 0);
}

/** The rows of a batch; one with a single type of points names it once, in `:onlyType`. */
const ROWS = `(
  SELECT wp_user_id, email, balance, checksum, coalesce(:onlyType, own_type) AS points_type
  FROM (
    SELECT unnest(:userIds::bigint[]) AS wp_user_id, unnest(:emails::text[]) AS email,
      unnest(:balances::bigint[]) AS balance, unnest(:checksums::bigint[]) AS checksum,
      unnest(:pointsTypes::text[]) AS own_type) AS r)`;

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
        OR (s.job_seq <= :place::bigint AND (s.balance <> r.balance OR s.email <> r.email)))
      AND ${condition}
    ORDER BY r.wp_user_id, r.points_type
  ), updated AS (
    UPDATE artly.points_balances AS p
    SET balance = r.balance, job_seq = :place::bigint, checksum = r.checksum, email = r.email
    FROM rows AS r WHERE p.ctid = r.place RETURNING 1
  ), inserted AS (
    INSERT INTO artly.points_balances (site_id, wp_user_id, points_type, balance, job_seq, checksum, email)
    SELECT :siteId::integer, r.wp_user_id, r.points_type, r.balance, :place::bigint, r.checksum, r.email
    FROM rows AS r WHERE r.place IS NULL RETURNING 1)
  SELECT (SELECT count(*) FROM updated) AS updated, (SELECT count(*) FROM inserted) AS inserted`;

const UPSERT = UPSERT_WHERE('', 'true');

/** Where nothing stands yet, as when a shop is synced for the first time, there is nothing to look up. */
const INSERT = `
  INSERT INTO artly.points_balances (site_id, wp_user_id, points_type, balance, job_seq, checksum, email)
  SELECT :siteId::integer, r.wp_user_id, r.points_type, r.balance, :place::bigint, r.checksum, r.email
  FROM ${ROWS} AS r`;

/** For a job that is older than some removal of its site. */
const UPSERT_UNLESS_REMOVED = UPSERT_WHERE(
  `LEFT JOIN ${STANDING('artly.removed_balances', 's.job_seq')} AS x ON true`,
  'coalesce(x.job_seq <= :place, true)',
);

const MARK = `
  UPDATE artly.points_balances SET job_seq = :place
  WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM ${ROWS} AS r
      CROSS JOIN ${STANDING('artly.points_balances', 's.ctid', 's.job_seq < :place')} AS s))`;

const REMOVE = `
  DELETE FROM artly.points_balances
  WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM ${REMOVALS} AS r
      CROSS JOIN ${STANDING('artly.points_balances', 's.ctid', 's.job_seq <= :place')} AS s))`;

/** Also where a newer job's balance stays: being older, this entry then never counts. */
const REMEMBER_REMOVED = `
  INSERT INTO artly.removed_balances AS x (site_id, wp_user_id, points_type, job_seq)
  SELECT :siteId, r.wp_user_id, r.points_type, :place FROM ${REMOVALS} AS r
  ORDER BY r.wp_user_id, r.points_type
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = greatest(x.job_seq, excluded.job_seq)`;

/** Every statement that a batch may run; a test proves that none of them walks through all balances. */
export const BATCH_STATEMENTS = { INSERT, UPSERT, UPSERT_UNLESS_REMOVED, MARK, REMOVE, REMEMBER_REMOVED };
