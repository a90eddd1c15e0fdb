/** Which jobs are due and how many there are, on SQLite: of all sites. */

/** Due and first in line, or left by a worker whose lease ran out, `:now`. */
export const DUE_JOBS = `
  FROM jobs AS j
  WHERE j.accepted = 1 AND j.status IN ('pending', 'running') AND (
    (j.status = 'running' AND coalesce(j.run_after, j.lease_until, 0) <= :now)
    OR (j.status = 'pending' AND NOT EXISTS (
      SELECT 1 FROM jobs AS o
      WHERE o.site_id = j.site_id AND o.type = j.type AND o.accepted = 1
        AND o.status IN ('pending', 'running') AND o.job_seq <> j.job_seq
        AND (o.status = 'running' OR o.job_seq < j.job_seq))))`;

/** Answered from its index alone, however many jobs the history has. */
export const COUNT_JOBS = `
  SELECT type, status, count(*) AS jobs FROM jobs WHERE accepted = 1 OR in_parts = 1 GROUP BY type, status`;

export const OLDEST_DUE = `
  SELECT min(CASE j.status
    WHEN 'running' THEN coalesce(j.run_after, j.lease_until, j.updated_at) ELSE j.updated_at END) AS due_at ${DUE_JOBS}`;
