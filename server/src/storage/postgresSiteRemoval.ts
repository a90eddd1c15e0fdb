import type { RecordTable } from '../jobTypes/jobType.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import type { PostgresDatabase } from './postgresDatabase.ts';
import type { DroppedOfSite } from './storage.ts';

/** Deleting a site on PostgreSQL: the method of the port of the same name. */

/** What a site has, in the order in which it goes: what hangs on a job before the job, so that no slice is a large one. */
const OF_SITE: { counts?: keyof DroppedOfSite; statement: string }[] = [
  ...JOB_TYPES.flatMap(({ table }) =>
    table === null ? [] : [{ counts: 'records' as const, statement: recordsOf(table) }],
  ),
  {
    statement: `
      WITH slice AS (
        SELECT b.job_seq, b.n FROM artly.jobs AS j JOIN artly.job_batches AS b USING (job_seq)
        WHERE j.site_id = :siteId LIMIT :limit)
      DELETE FROM artly.job_batches AS b USING slice WHERE b.job_seq = slice.job_seq AND b.n = slice.n`,
  },
  {
    statement: `
      WITH slice AS (
        SELECT r.job_seq, r.record_index FROM artly.jobs AS j JOIN artly.job_rejects AS r USING (job_seq)
        WHERE j.site_id = :siteId LIMIT :limit)
      DELETE FROM artly.job_rejects AS r USING slice
      WHERE r.job_seq = slice.job_seq AND r.record_index = slice.record_index`,
  },
  {
    counts: 'jobs',
    statement: `
      DELETE FROM artly.jobs WHERE job_seq = ANY (ARRAY(
        SELECT job_seq FROM artly.jobs WHERE site_id = :siteId ORDER BY job_seq LIMIT :limit))`,
  },
  {
    counts: 'balances',
    statement: `
      DELETE FROM artly.points_balances WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM artly.points_balances WHERE site_id = :siteId LIMIT :limit))`,
  },
  {
    statement: `
      DELETE FROM artly.removed_balances WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM artly.removed_balances WHERE site_id = :siteId LIMIT :limit))`,
  },
  {
    statement: `
      DELETE FROM artly.idempotency_keys WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM artly.idempotency_keys WHERE site_id = :siteId LIMIT :limit))`,
  },
];

export function dropSite(
  db: PostgresDatabase,
  slice: { siteId: number; limit: number },
): Promise<{ dropped: DroppedOfSite; more: boolean }> {
  return db.transaction(async (tx) => {
    // Held, so that nobody makes a job of the site between the last look and its end.
    await tx.run('SELECT FROM artly.sites WHERE site_id = :siteId FOR UPDATE', { siteId: slice.siteId });
    const dropped: DroppedOfSite = { jobs: 0, balances: 0, records: 0 };
    for (const { counts, statement } of OF_SITE) {
      const rows = await tx.run(statement, slice);
      if (counts !== undefined) dropped[counts] = rows;
      if (rows > 0) return { dropped, more: true };
    }
    await tx.run('DELETE FROM artly.sites WHERE site_id = :siteId', { siteId: slice.siteId });
    return { dropped, more: false };
  });
}

function recordsOf({ tableName }: RecordTable): string {
  return `
    DELETE FROM artly.${tableName} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM artly.${tableName} WHERE site_id = :siteId LIMIT :limit))`;
}
