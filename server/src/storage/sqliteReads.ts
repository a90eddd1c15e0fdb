import type { AuditEntry } from '../domain/auditTrail.ts';
import type { RejectedRecord } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import type { Balance } from '../domain/pointsBalance.ts';
import { isListedByMember } from '../jobTypes/jobType.ts';
import { tableNamed } from '../jobTypes/jobTypes.ts';
import { jobFromRow } from './jobRow.ts';
import { auditFromRow, balanceFromRow, rejectedTextFromRow, rejectFromRow, tallyFromRows } from './rows.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import { jobRow } from './sqliteJobRow.ts';
import { COUNT_JOBS, DUE_JOBS, OLDEST_DUE } from './sqliteTally.ts';
import type { ChecksumSum, JobFilter, JobTally, ListedRecord, RejectedText, Storage } from './storage.ts';

/** Looking at jobs and what they brought on SQLite: the methods of the port of the same names. They change nothing. */

export function findJob(
  db: SqliteDatabase,
  { siteId, jobId }: { siteId: number; jobId: string },
): Job | undefined {
  const job = jobRow(db, jobId);
  return job?.siteId === siteId && job.visible ? job : undefined;
}

export function hasRecords(db: SqliteDatabase, { jobId }: { jobId: string }): boolean {
  return jobRow(db, jobId)?.recordsKept ?? false;
}

export function listJobs(db: SqliteDatabase, { siteId, type, status, cursor, limit }: JobFilter): Job[] {
  return db
    .all(
      `SELECT * FROM jobs
       WHERE site_id = :siteId AND (accepted = 1 OR in_parts = 1)
         AND (:type IS NULL OR type = :type) AND (:status IS NULL OR status = :status)
         AND (:cursor IS NULL OR job_seq < (SELECT job_seq FROM jobs WHERE job_id = :cursor AND site_id = :siteId))
       ORDER BY job_seq DESC LIMIT :limit`,
      { siteId, type, status, cursor, limit },
    )
    .map(jobFromRow);
}

export function listDue(db: SqliteDatabase, { now, limit }: { now: number; limit: number }): string[] {
  return db
    .all(`SELECT j.job_id ${DUE_JOBS} ORDER BY j.job_seq LIMIT :limit`, { now, limit })
    .map((row) => row.job_id as string);
}

export function findNext(
  db: SqliteDatabase,
  line: { siteId: number; type: string; now: number },
): string | undefined {
  const row = db.get(
    `SELECT j.job_id ${DUE_JOBS} AND j.site_id = :siteId AND j.type = :type ORDER BY j.job_seq LIMIT 1`,
    { ...line },
  );
  return row?.job_id as string | undefined;
}

export function tallyJobs(db: SqliteDatabase, { now }: { now: number }): JobTally {
  return tallyFromRows(db.all(COUNT_JOBS), db.get(OLDEST_DUE, { now }));
}

export function listRejects(
  db: SqliteDatabase,
  { jobId, afterIndex, limit }: { jobId: string; afterIndex: number; limit: number },
): RejectedRecord[] {
  return db
    .all(
      `SELECT r.record_index, r.wp_user_id, r.code, r.message
       FROM job_rejects AS r JOIN jobs AS j USING (job_seq)
       WHERE j.job_id = :jobId AND r.record_index > :afterIndex AND r.record_index < j.processed
       ORDER BY r.record_index LIMIT :limit`,
      { jobId, afterIndex, limit },
    )
    .map(rejectFromRow);
}

export function listRejectedTexts(
  db: SqliteDatabase,
  page: { jobId: string; afterIndex: number; limit: number },
): RejectedText[] {
  return db
    .all(
      `SELECT r.record_index, r.record FROM job_rejects AS r JOIN jobs AS j USING (job_seq)
       WHERE j.job_id = :jobId AND j.records_kept = 1 AND r.record IS NOT NULL
         AND r.record_index > :afterIndex AND r.record_index < j.processed
       ORDER BY r.record_index LIMIT :limit`,
      { ...page },
    )
    .map(rejectedTextFromRow);
}

export function listAudit(db: SqliteDatabase, { jobId }: { jobId: string }): AuditEntry[] {
  return db
    .all(
      `SELECT a.* FROM job_audit AS a JOIN jobs AS j USING (job_seq) WHERE j.job_id = :jobId ORDER BY a.audit_id`,
      { jobId },
    )
    .map(auditFromRow);
}

export function listBalances(
  db: SqliteDatabase,
  page: { siteId: number; pointsType: string | null; afterUserId: number; limit: number },
): Balance[] {
  return db
    .all(
      `SELECT wp_user_id, email, points_type, CAST(balance AS TEXT) AS balance FROM points_balances
       WHERE site_id = :siteId AND wp_user_id > :afterUserId
         AND (:pointsType IS NULL OR points_type = :pointsType)
       ORDER BY wp_user_id, points_type LIMIT :limit`,
      { ...page },
    )
    .map(balanceFromRow);
}

export function findBalances(
  db: SqliteDatabase,
  { siteId, wpUserId }: { siteId: number; wpUserId: number },
): Balance[] {
  return db
    .all(
      `SELECT wp_user_id, email, points_type, CAST(balance AS TEXT) AS balance FROM points_balances
       WHERE site_id = :siteId AND wp_user_id = :wpUserId ORDER BY points_type`,
      { siteId, wpUserId },
    )
    .map(balanceFromRow);
}

/** A statement of SQLite takes the parameters alone that it names. */
export function listRecords(
  db: SqliteDatabase,
  { type, siteId, wpUserId, after, limit }: Parameters<Storage['listRecords']>[0],
): ListedRecord[] {
  const table = tableNamed(type);
  const member = isListedByMember(table) ? { wpUserId } : {};
  return db.all(table.sqlite.list, { siteId, after, limit, ...member }) as ListedRecord[];
}

const FIRST_IN = (from: string, to: string) => `(
  SELECT wp_user_id FROM points_balances
  WHERE site_id = :siteId AND wp_user_id >= ${from} AND wp_user_id <= ${to}
    AND (:pointsType IS NULL OR points_type = :pointsType)
  ORDER BY wp_user_id LIMIT 1)`;

/**
 * Goes from part to part by key, the lowest first, which takes a third of the time of a GROUP BY, passes over gaps, and
 * ends at the limit. Count and sum come as one JSON text, so that each part is read once. A number of JavaScript is
 * bound as a real, by which a division would not be whole.
 */
const SUM_CHECKSUMS = `
  WITH RECURSIVE
    given (size) AS (SELECT CAST(:size AS INTEGER)),
    part (first, last) AS (
      SELECT ${FIRST_IN("r.value ->> '$[0]'", "r.value ->> '$[1]'")}, r.value ->> '$[1]' FROM json_each(:ranges) AS r
      UNION ALL
      SELECT ${FIRST_IN('(first / size + 1) * size', 'last')}, last FROM part, given WHERE first IS NOT NULL
      ORDER BY 1)
  SELECT first / size * size AS "from", min(last, first / size * size + size - 1) AS "to", (
    SELECT json_array(count(*), sum(checksum)) FROM points_balances
    WHERE site_id = :siteId AND wp_user_id >= first AND wp_user_id <= min(last, first / size * size + size - 1)
      AND (:pointsType IS NULL OR points_type = :pointsType)) AS sums
  FROM part, given WHERE first IS NOT NULL LIMIT :limit`;

export function sumChecksums(
  db: SqliteDatabase,
  { ranges, ...part }: Parameters<Storage['sumChecksums']>[0],
): ChecksumSum[] {
  return db.all(SUM_CHECKSUMS, { ...part, ranges: JSON.stringify(ranges) }).map((row) => {
    const [count, sum] = JSON.parse(row.sums as string);
    return { from: row.from as number, to: row.to as number, count, sum };
  });
}
