import { JOB_COLUMNS } from './jobRow.ts';
import { placedJobConditions, placedJobValues } from './placedJobs.ts';
import { endedStepFromRow, placedJobFromRow, sampleFromRow, siteFromRow } from './rows.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import type { EndedStep, PlacedJob, PlacedJobFilter, Sample, Site } from './storage.ts';

/** For the operator, over all sites, on SQLite: the methods of the port of the same names. They change nothing. */

export function listPlacedJobs(db: SqliteDatabase, filter: PlacedJobFilter): PlacedJob[] {
  return db
    .all(
      `SELECT j.*, s.url AS site_url FROM (
         SELECT ${JOB_COLUMNS} FROM jobs INDEXED BY ${indexFor(filter)} WHERE ${placedJobConditions(filter)}
         ORDER BY created_at DESC, job_seq DESC LIMIT :limit) AS j
       JOIN sites AS s USING (site_id) ORDER BY j.created_at DESC, j.job_seq DESC`,
      placedJobValues(filter),
    )
    .map(placedJobFromRow);
}

/** Named, as the planner, which knows nothing of how many rows there are, takes the one of the state alone. */
function indexFor({ siteId, type }: PlacedJobFilter): string {
  if (siteId !== null) return 'jobs_by_site_and_status';
  return type === null ? 'jobs_by_status' : 'jobs_by_type_and_status';
}

export function findPlacedJobs(db: SqliteDatabase, { jobIds }: { jobIds: string[] }): PlacedJob[] {
  return db
    .all(
      `SELECT ${JOB_COLUMNS}, (SELECT url FROM sites WHERE sites.site_id = jobs.site_id) AS site_url FROM jobs
       WHERE job_id IN (SELECT value FROM json_each(:jobIds)) AND (accepted OR in_parts)`,
      { jobIds: JSON.stringify(jobIds) },
    )
    .map(placedJobFromRow);
}

export function listSamples(db: SqliteDatabase, { jobId }: { jobId: string }): Sample[] {
  return db
    .all(
      `SELECT s.attempt, s.processed, s.at FROM job_samples AS s JOIN jobs AS j USING (job_seq)
       WHERE j.job_id = :jobId ORDER BY s.attempt, s.processed`,
      { jobId },
    )
    .map(sampleFromRow);
}

/** A number of JavaScript is bound as a real, by which a division would not be whole. */
const STEP_OF = 'CAST((completed_at - :from) / CAST(:stepMs AS INTEGER) AS INTEGER)';

export function sumEnded(
  db: SqliteDatabase,
  span: { siteId: number | null; from: number; to: number; stepMs: number },
): EndedStep[] {
  return db
    .all(
      `SELECT CAST(:from + ${STEP_OF} * :stepMs AS INTEGER) AS at, sum(status = 'completed') AS completed,
         sum(status = 'failed') AS failed, sum(status = 'cancelled') AS cancelled, sum(processed) AS records,
         sum(rejected) AS rejected
       FROM jobs INDEXED BY jobs_ended
       WHERE completed_at >= :from AND completed_at < :to AND (:siteId IS NULL OR site_id = :siteId)
         AND status IN ('completed', 'failed', 'cancelled')
       GROUP BY ${STEP_OF} ORDER BY 1`,
      { ...span },
    )
    .map(endedStepFromRow);
}

export function countUnfinished(db: SqliteDatabase): { pending: number; running: number } {
  const count = (status: string) =>
    db.get('SELECT count(*) AS count FROM jobs WHERE status = :status AND (accepted OR in_parts)', { status })
      ?.count as number;
  return { pending: count('pending'), running: count('running') };
}

export function searchSites(
  db: SqliteDatabase,
  page: { search: string; after: string; limit: number },
): Site[] {
  return db
    .all(
      'SELECT * FROM sites WHERE url > :after AND instr(lower(url), lower(:search)) > 0 ORDER BY url LIMIT :limit',
      { ...page },
    )
    .map(siteFromRow);
}

export function findSite(db: SqliteDatabase, { siteId }: { siteId: number }): Site | undefined {
  const row = db.get('SELECT * FROM sites WHERE site_id = :siteId', { siteId });
  return row && siteFromRow(row);
}
