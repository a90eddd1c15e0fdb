import { ALL_IDS } from '../domain/idRange.ts';
import { DEFAULT_POINTS_TYPE } from '../domain/pointsBalance.ts';

/** The statements at the end of a snapshot; a test proves that they walk through its ranges alone. */

/** The ranges of the snapshot that reach behind `:from`, in their order. */
const RANGES = `(
  SELECT greatest((r ->> 0)::bigint, :from::bigint) AS first, least((r ->> 1)::bigint, :to::bigint) AS last
  FROM artly.jobs AS j, jsonb_array_elements(coalesce(j.ranges, '[${JSON.stringify(ALL_IDS)}]')) AS r
  WHERE j.job_seq = :jobSeq AND (r ->> 1)::bigint >= :from::bigint)`;

/**
 * What a snapshot did not carry is what only an older job brought, since each record that it carries leaves its
 * mark. Only types of points that it carries are looked at, or the default one where it carries nothing. Balances are
 * found by key, range by range, so that those of members outside of its ranges cost nothing. The types are an array,
 * which is made once. Who joins it to the ranges says LIMIT or OFFSET, or the planner may turn the join around.
 */
const MISSING_OF_RANGE = `
  FROM artly.points_balances AS p
  WHERE p.site_id = :siteId AND p.job_seq < :jobSeq AND p.wp_user_id >= r.first AND p.wp_user_id <= r.last
    AND p.points_type = ANY (ARRAY(
      SELECT t FROM artly.job_batches AS b, jsonb_array_elements_text(b.points_types) AS t
      WHERE b.job_seq = :jobSeq
      UNION
      SELECT '${DEFAULT_POINTS_TYPE}' WHERE NOT EXISTS (
        SELECT FROM artly.job_batches WHERE job_seq = :jobSeq AND row_count + removal_count > 0)))
    AND p.wp_user_id NOT IN (
      SELECT x::bigint FROM artly.job_batches AS b, jsonb_array_elements_text(b.rejected_user_ids) AS x
      WHERE b.job_seq = :jobSeq)`;

/**
 * Sorted within each range, but not over all of them, for which PostgreSQL would walk through all that is missing.
 * That ranges come in their order only bounds the slice: all that is missing up to the last of it goes.
 */
export const LAST_OF_SLICE = `
  SELECT max(wp_user_id) AS last FROM (
    SELECT p.wp_user_id FROM ${RANGES} AS r
      CROSS JOIN LATERAL (SELECT p.wp_user_id ${MISSING_OF_RANGE} ORDER BY p.wp_user_id LIMIT :limit::bigint) AS p
    LIMIT :limit::bigint
  ) AS slice`;

/** Removes the slice and remembers that; gives the number of balances. */
export const REMOVE_SLICE = `
  WITH gone AS (
    DELETE FROM artly.points_balances
    WHERE ctid = ANY (ARRAY(
      SELECT p.ctid FROM ${RANGES} AS r CROSS JOIN LATERAL (SELECT p.ctid ${MISSING_OF_RANGE} OFFSET 0) AS p))
    RETURNING site_id, wp_user_id, points_type
  ), remembered AS (
    INSERT INTO artly.removed_balances AS x (site_id, wp_user_id, points_type, job_seq)
    SELECT site_id, wp_user_id, points_type, :jobSeq FROM gone ORDER BY wp_user_id, points_type
    ON CONFLICT (site_id, wp_user_id, points_type) DO UPDATE SET job_seq = greatest(x.job_seq, excluded.job_seq)
  )
  SELECT count(*) AS count FROM gone`;

export const COUNT_MISSING = `
  SELECT count(*) AS count FROM ${RANGES} AS r CROSS JOIN LATERAL (SELECT ${MISSING_OF_RANGE} OFFSET 0) AS p`;
