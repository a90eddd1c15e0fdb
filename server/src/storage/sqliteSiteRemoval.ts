import type { RecordTable } from '../jobTypes/jobType.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import type { DroppedOfSite } from './storage.ts';

/** Deleting a site on SQLite: the method of the port of the same name. */

/** What a site has, in the order in which it goes: what hangs on a job before the job, so that no slice is a large one. */
const OF_SITE: { counts?: keyof DroppedOfSite; statement: string }[] = [
  ...JOB_TYPES.flatMap(({ table }) =>
    table === null ? [] : [{ counts: 'records' as const, statement: recordsOf(table) }],
  ),
  {
    statement: `DELETE FROM job_batches WHERE rowid IN
      (SELECT b.rowid FROM jobs AS j CROSS JOIN job_batches AS b USING (job_seq) WHERE j.site_id = :siteId LIMIT :limit)`,
  },
  {
    statement: `DELETE FROM job_rejects WHERE (job_seq, record_index) IN
      (SELECT r.job_seq, r.record_index FROM jobs AS j CROSS JOIN job_rejects AS r USING (job_seq)
       WHERE j.site_id = :siteId LIMIT :limit)`,
  },
  {
    counts: 'jobs',
    statement: `DELETE FROM jobs WHERE job_seq IN
      (SELECT job_seq FROM jobs WHERE site_id = :siteId ORDER BY job_seq LIMIT :limit)`,
  },
  {
    counts: 'balances',
    statement: `DELETE FROM points_balances WHERE (site_id, wp_user_id, points_type) IN
      (SELECT site_id, wp_user_id, points_type FROM points_balances WHERE site_id = :siteId LIMIT :limit)`,
  },
  {
    statement: `DELETE FROM removed_balances WHERE (site_id, wp_user_id, points_type) IN
      (SELECT site_id, wp_user_id, points_type FROM removed_balances WHERE site_id = :siteId LIMIT :limit)`,
  },
  {
    statement: `DELETE FROM idempotency_keys WHERE (site_id, idempotency_key) IN
      (SELECT site_id, idempotency_key FROM idempotency_keys WHERE site_id = :siteId LIMIT :limit)`,
  },
];

export function dropSite(
  db: SqliteDatabase,
  slice: { siteId: number; limit: number },
): { dropped: DroppedOfSite; more: boolean } {
  return db.transaction(() => {
    const dropped: DroppedOfSite = { jobs: 0, balances: 0, records: 0 };
    for (const { counts, statement } of OF_SITE) {
      const rows = db.run(statement, slice);
      if (counts !== undefined) dropped[counts] = rows;
      if (rows > 0) return { dropped, more: true };
    }
    db.run('DELETE FROM sites WHERE site_id = :siteId', { siteId: slice.siteId });
    return { dropped, more: false };
  });
}

/** The first field tells the rows of a site apart. */
function recordsOf({ tableName, fields }: RecordTable): string {
  const key = `site_id, ${Object.keys(fields)[0]}`;
  return `DELETE FROM ${tableName} WHERE (${key}) IN
    (SELECT ${key} FROM ${tableName} WHERE site_id = :siteId LIMIT :limit)`;
}
