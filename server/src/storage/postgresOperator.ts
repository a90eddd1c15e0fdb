import { JOB_COLUMNS } from './jobRow.ts';
import { placedJobConditions, placedJobValues } from './placedJobs.ts';
import type { PostgresDatabase } from './postgresDatabase.ts';
import { endedStepFromRow, placedJobFromRow, sampleFromRow, siteFromRow } from './rows.ts';
import type { EndedStep, PlacedJob, PlacedJobFilter, Sample, Site } from './storage.ts';

/** For the operator, over all sites, on PostgreSQL: the methods of the port of the same names. They change nothing. */

export async function listPlacedJobs(db: PostgresDatabase, filter: PlacedJobFilter): Promise<PlacedJob[]> {
  const rows = await db.all(
    `SELECT j.*, s.url AS site_url FROM (
       SELECT ${JOB_COLUMNS} FROM artly.jobs WHERE ${placedJobConditions(filter)}
       ORDER BY created_at DESC, job_seq DESC LIMIT :limit) AS j
     JOIN artly.sites AS s USING (site_id) ORDER BY j.created_at DESC, j.job_seq DESC`,
    placedJobValues(filter),
  );
  return rows.map(placedJobFromRow);
}

export async function findPlacedJobs(
  db: PostgresDatabase,
  { jobIds }: { jobIds: string[] },
): Promise<PlacedJob[]> {
  const rows = await db.all(
    `SELECT ${JOB_COLUMNS}, (SELECT url FROM artly.sites AS s WHERE s.site_id = j.site_id) AS site_url
     FROM artly.jobs AS j
     WHERE job_id IN (SELECT jsonb_array_elements_text(:jobIds::jsonb)) AND (accepted OR in_parts)`,
    { jobIds: JSON.stringify(jobIds) },
  );
  return rows.map(placedJobFromRow);
}

export async function listSamples(db: PostgresDatabase, { jobId }: { jobId: string }): Promise<Sample[]> {
  const rows = await db.all(
    `SELECT s.attempt, s.processed, s.at FROM artly.job_samples AS s JOIN artly.jobs AS j USING (job_seq)
     WHERE j.job_id = :jobId ORDER BY s.attempt, s.processed`,
    { jobId },
  );
  return rows.map(sampleFromRow);
}

export async function sumEnded(
  db: PostgresDatabase,
  span: { siteId: number | null; from: number; to: number; stepMs: number },
): Promise<EndedStep[]> {
  const rows = await db.all(
    `SELECT :from::bigint + step * :stepMs::bigint AS at, ended.* FROM (
       SELECT (completed_at - :from::bigint) / :stepMs::bigint AS step,
         count(*) FILTER (WHERE status = 'completed') AS completed,
         count(*) FILTER (WHERE status = 'failed') AS failed,
         count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
         sum(processed)::bigint AS records, sum(rejected)::bigint AS rejected
       FROM artly.jobs
       WHERE completed_at >= :from::bigint AND completed_at < :to::bigint
         AND (:siteId::integer IS NULL OR site_id = :siteId) AND status IN ('completed', 'failed', 'cancelled')
       GROUP BY step) AS ended
     ORDER BY at`,
    { ...span },
  );
  return rows.map(endedStepFromRow);
}

export async function countUnfinished(db: PostgresDatabase): Promise<{ pending: number; running: number }> {
  const row = await db.get(
    `SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
       count(*) FILTER (WHERE status = 'running') AS running
     FROM artly.jobs WHERE status IN ('pending', 'running') AND (accepted OR in_parts)`,
  );
  return { pending: row?.pending as number, running: row?.running as number };
}

export async function searchSites(
  db: PostgresDatabase,
  page: { search: string; after: string; limit: number },
): Promise<Site[]> {
  const rows = await db.all(
    `SELECT * FROM artly.sites WHERE url > :after AND position(lower(:search) IN lower(url)) > 0
     ORDER BY url LIMIT :limit`,
    { ...page },
  );
  return rows.map(siteFromRow);
}

export async function findSite(
  db: PostgresDatabase,
  { siteId }: { siteId: number },
): Promise<Site | undefined> {
  const row = await db.get('SELECT * FROM artly.sites WHERE site_id = :siteId', { siteId });
  return row && siteFromRow(row);
}
