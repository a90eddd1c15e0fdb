import type { AuditEntry } from '../domain/auditTrail.ts';
import type { RejectedRecord } from '../domain/batch.ts';
import type { Job } from '../domain/job.ts';
import type { Balance } from '../domain/pointsBalance.ts';
import { tableNamed } from '../jobTypes/jobTypes.ts';
import { jobFromRow } from './jobRow.ts';
import type { PostgresDatabase } from './postgresDatabase.ts';
import { jobRow } from './postgresJobRow.ts';
import { COUNT_JOBS, DUE_JOBS, OLDEST_DUE } from './postgresTally.ts';
import { auditFromRow, balanceFromRow, rejectedTextFromRow, rejectFromRow, tallyFromRows } from './rows.ts';
import type { ChecksumSum, JobFilter, JobTally, ListedRecord, RejectedText, Storage } from './storage.ts';

/** Looking at jobs and what they brought on PostgreSQL: the methods of the port of the same names. They change nothing. */

export async function findJob(
  db: PostgresDatabase,
  { siteId, jobId }: { siteId: number; jobId: string },
): Promise<Job | undefined> {
  const job = await jobRow(db, jobId);
  return job?.siteId === siteId && job.visible ? job : undefined;
}

export async function hasRecords(db: PostgresDatabase, { jobId }: { jobId: string }): Promise<boolean> {
  return (await jobRow(db, jobId))?.recordsKept ?? false;
}

export async function listJobs(
  db: PostgresDatabase,
  { siteId, type, status, cursor, limit }: JobFilter,
): Promise<Job[]> {
  const rows = await db.all(
    `SELECT * FROM artly.jobs
     WHERE site_id = :siteId AND (accepted OR in_parts)
       AND (:type::text IS NULL OR type = :type) AND (:status::text IS NULL OR status = :status)
       AND (:cursor::text IS NULL
         OR job_seq < (SELECT job_seq FROM artly.jobs WHERE job_id = :cursor AND site_id = :siteId))
     ORDER BY job_seq DESC LIMIT :limit`,
    { siteId, type, status, cursor, limit },
  );
  return rows.map(jobFromRow);
}

export async function listDue(
  db: PostgresDatabase,
  { now, limit }: { now: number; limit: number },
): Promise<string[]> {
  const rows = await db.all(`SELECT j.job_id ${DUE_JOBS} ORDER BY j.job_seq LIMIT :limit`, { now, limit });
  return rows.map((row) => row.job_id as string);
}

export async function findNext(
  db: PostgresDatabase,
  line: { siteId: number; type: string; now: number },
): Promise<string | undefined> {
  const row = await db.get(
    `SELECT j.job_id ${DUE_JOBS} AND j.site_id = :siteId AND j.type = :type ORDER BY j.job_seq LIMIT 1`,
    { ...line },
  );
  return row?.job_id as string | undefined;
}

export async function tallyJobs(db: PostgresDatabase, { now }: { now: number }): Promise<JobTally> {
  return tallyFromRows(await db.all(COUNT_JOBS), await db.get(OLDEST_DUE, { now }));
}

export async function listRejects(
  db: PostgresDatabase,
  { jobId, afterIndex, limit }: { jobId: string; afterIndex: number; limit: number },
): Promise<RejectedRecord[]> {
  const rows = await db.all(
    `SELECT r.record_index, r.wp_user_id, r.code, r.message
     FROM artly.job_rejects AS r JOIN artly.jobs AS j USING (job_seq)
     WHERE j.job_id = :jobId AND r.record_index > :afterIndex AND r.record_index < j.processed
     ORDER BY r.record_index LIMIT :limit`,
    { jobId, afterIndex, limit },
  );
  return rows.map(rejectFromRow);
}

export async function listRejectedTexts(
  db: PostgresDatabase,
  page: { jobId: string; afterIndex: number; limit: number },
): Promise<RejectedText[]> {
  const rows = await db.all(
    `SELECT r.record_index, r.record FROM artly.job_rejects AS r JOIN artly.jobs AS j USING (job_seq)
     WHERE j.job_id = :jobId AND j.records_kept AND r.record IS NOT NULL
       AND r.record_index > :afterIndex AND r.record_index < j.processed
     ORDER BY r.record_index LIMIT :limit`,
    { ...page },
  );
  return rows.map(rejectedTextFromRow);
}

export async function listAudit(db: PostgresDatabase, { jobId }: { jobId: string }): Promise<AuditEntry[]> {
  const rows = await db.all(
    `SELECT a.* FROM artly.job_audit AS a JOIN artly.jobs AS j USING (job_seq)
     WHERE j.job_id = :jobId ORDER BY a.audit_id`,
    { jobId },
  );
  return rows.map(auditFromRow);
}

export async function listBalances(
  db: PostgresDatabase,
  page: { siteId: number; pointsType: string | null; afterUserId: number; limit: number },
): Promise<Balance[]> {
  const rows = await db.all(
    `SELECT wp_user_id, email, points_type, balance::text AS balance FROM artly.points_balances
     WHERE site_id = :siteId AND wp_user_id > :afterUserId
       AND (:pointsType::text IS NULL OR points_type = :pointsType)
     ORDER BY wp_user_id, points_type LIMIT :limit`,
    { ...page },
  );
  return rows.map(balanceFromRow);
}

export async function findBalances(
  db: PostgresDatabase,
  { siteId, wpUserId }: { siteId: number; wpUserId: number },
): Promise<Balance[]> {
  const rows = await db.all(
    `SELECT wp_user_id, email, points_type, balance::text AS balance FROM artly.points_balances
     WHERE site_id = :siteId AND wp_user_id = :wpUserId ORDER BY points_type`,
    { siteId, wpUserId },
  );
  return rows.map(balanceFromRow);
}

export async function listRecords(
  db: PostgresDatabase,
  { type, ...page }: Parameters<Storage['listRecords']>[0],
): Promise<ListedRecord[]> {
  return (await db.all(tableNamed(type).postgres.list, page)) as ListedRecord[];
}

const FIRST_IN = (from: string) => `(
  SELECT wp_user_id FROM artly.points_balances
  WHERE site_id = :siteId AND wp_user_id >= ${from} AND wp_user_id <= range.last
    AND (:pointsType::text IS NULL OR points_type = :pointsType)
  ORDER BY wp_user_id LIMIT 1)`;

/**
 * Goes from part to part by key, range by range, so that it passes over gaps and ends at the limit: a GROUP BY would
 * walk through the rest of the site with each page.
 */
const SUM_CHECKSUMS = `
  SELECT part.* FROM (
    SELECT (r ->> 0)::bigint AS first, (r ->> 1)::bigint AS last FROM jsonb_array_elements(:ranges::jsonb) AS r
  ) AS range CROSS JOIN LATERAL (
    WITH RECURSIVE part (first) AS (
      SELECT ${FIRST_IN('range.first')}
      UNION ALL
      SELECT ${FIRST_IN('(part.first / :size::bigint + 1) * :size::bigint')} FROM part
      WHERE part.first IS NOT NULL)
    SELECT part.first / :size::bigint * :size::bigint AS "from", ends.last AS "to", sums.count, sums.sum
    FROM part
      CROSS JOIN LATERAL (
        SELECT least(range.last, part.first / :size::bigint * :size::bigint + :size::bigint - 1) AS last) AS ends
      CROSS JOIN LATERAL (
        SELECT count(*) AS count, sum(checksum)::text AS sum FROM artly.points_balances
        WHERE site_id = :siteId AND wp_user_id >= part.first AND wp_user_id <= ends.last
          AND (:pointsType::text IS NULL OR points_type = :pointsType)) AS sums
    WHERE part.first IS NOT NULL LIMIT :limit::bigint
  ) AS part LIMIT :limit::bigint`;

export async function sumChecksums(
  db: PostgresDatabase,
  { ranges, ...part }: Parameters<Storage['sumChecksums']>[0],
): Promise<ChecksumSum[]> {
  const rows = await db.all(SUM_CHECKSUMS, { ...part, ranges: JSON.stringify(ranges) });
  return rows.map((row) => ({
    from: row.from as number,
    to: row.to as number,
    count: row.count as number,
    sum: Number(row.sum),
  }));
}
