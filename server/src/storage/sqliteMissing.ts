import { ALL_IDS } from '../domain/idRange.ts';
import { DEFAULT_POINTS_TYPE } from '../domain/pointsBalance.ts';

/** The statements at the end of a snapshot; a test proves that they walk through its ranges alone. */

/**
 * What a snapshot did not carry is what only an older job brought, since each record that it carries leaves its
 * mark. Only types of points that it carries are looked at, or the default one where it carries nothing. Balances are
 * found by key, range by range, so that those of members outside of its ranges cost nothing.
 */
const MISSING = `
  FROM jobs AS j, json_each(coalesce(j.ranges, '[${JSON.stringify(ALL_IDS)}]')) AS r CROSS JOIN points_balances AS p
  WHERE j.job_seq = :jobSeq AND p.site_id = :siteId AND p.job_seq < :jobSeq
    AND p.wp_user_id >= max(r.value ->> '$[0]', :from) AND p.wp_user_id <= min(r.value ->> '$[1]', :to)
    AND p.points_type IN (
      SELECT t.value FROM job_batches AS b, json_each(b.points_types) AS t WHERE b.job_seq = :jobSeq
      UNION ALL
      SELECT '${DEFAULT_POINTS_TYPE}' WHERE NOT EXISTS
        (SELECT 1 FROM job_batches WHERE job_seq = :jobSeq AND row_count + removal_count > 0))
    AND p.wp_user_id NOT IN (
      SELECT x.value FROM job_batches AS b, json_each(b.rejected_user_ids) AS x WHERE b.job_seq = :jobSeq)`;

/**
 * Without an ORDER BY, for which SQLite would walk through all that is missing: that ranges come in their order only
 * bounds the slice. Whatever comes, all that is missing up to the last of it goes.
 */
export const LAST_OF_SLICE = `
  SELECT max(wp_user_id) AS last FROM (SELECT p.wp_user_id ${MISSING} LIMIT :limit)`;

export const REMEMBER_SLICE = `
  INSERT INTO removed_balances (site_id, wp_user_id, points_type, job_seq)
  SELECT p.site_id, p.wp_user_id, p.points_type, :jobSeq ${MISSING}
  ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = max(job_seq, excluded.job_seq)`;

export const REMOVE_SLICE = `
  DELETE FROM points_balances
  WHERE site_id = :siteId AND (wp_user_id, points_type) IN (SELECT p.wp_user_id, p.points_type ${MISSING})`;

export const COUNT_MISSING = `SELECT count(*) AS count ${MISSING}`;
