import type { SqliteDatabase } from './sqliteDatabase.ts';
import { diskFull } from './sqliteErrors.ts';
import { DISCARD_UPLOADS } from './sqliteJobRow.ts';

/** A reject is small beside a batch or a job: so many of them count as one row of a slice. */
const REJECTS_A_ROW = 20;
/** Room that a few batches, the WAL with them in it, and its way into the file take: docs/operations.md names it. */
const LEAST_FREE_BYTES = 16 * 1024 ** 2;

/** Keeping house on SQLite: the methods of the port of the same names. */

export function dropRecords(
  db: SqliteDatabase,
  { endedBefore, limit }: { endedBefore: number; limit: number },
): boolean {
  return db.transaction(() => {
    // First the mark, then the records: nobody can retry a job of which a part is gone.
    const ended = db.run(
      `UPDATE jobs SET records_kept = 0 WHERE job_seq IN
         (SELECT job_seq FROM jobs
          WHERE records_kept = 1 AND completed_at < :endedBefore
          ORDER BY completed_at LIMIT :limit)`,
      { endedBefore, limit },
    );
    const dropped = db.run(
      `DELETE FROM job_batches WHERE rowid IN
         (SELECT b.rowid FROM job_batches AS b JOIN jobs AS j USING (job_seq) WHERE j.records_kept = 0 LIMIT :limit)`,
      { limit },
    );
    const rejectLimit = limit * REJECTS_A_ROW;
    const forgotten = db.run(
      `UPDATE job_rejects SET record = NULL WHERE (job_seq, record_index) IN
         (SELECT r.job_seq, r.record_index FROM job_rejects AS r JOIN jobs AS j USING (job_seq)
          WHERE r.record IS NOT NULL AND j.records_kept = 0 LIMIT :rejectLimit)`,
      { rejectLimit },
    );
    return ended === limit || dropped === limit || forgotten === rejectLimit;
  });
}

export function dropJobs(
  db: SqliteDatabase,
  { endedBefore, limit }: { endedBefore: number; limit: number },
): boolean {
  return db.transaction(() => {
    const rejectLimit = limit * REJECTS_A_ROW;
    const rejects = db.run(
      `DELETE FROM job_rejects WHERE (job_seq, record_index) IN
         (SELECT r.job_seq, r.record_index FROM jobs AS j CROSS JOIN job_rejects AS r USING (job_seq)
          WHERE j.records_kept = 0 AND j.completed_at < :endedBefore
          LIMIT :rejectLimit)`,
      { endedBefore, rejectLimit },
    );
    // A job goes behind its rejects and batches: deleting it must not delete them all at once.
    const dropped = db.run(
      `DELETE FROM jobs WHERE job_seq IN
         (SELECT job_seq FROM jobs AS j
          WHERE records_kept = 0 AND completed_at < :endedBefore
            AND NOT EXISTS (SELECT 1 FROM job_rejects AS r WHERE r.job_seq = j.job_seq)
            AND NOT EXISTS (SELECT 1 FROM job_batches AS b WHERE b.job_seq = j.job_seq)
          ORDER BY completed_at LIMIT :limit)`,
      { endedBefore, limit },
    );
    // A removed balance is remembered as long as the history: as long as the job that removed it.
    const forgotten = db.run(
      `DELETE FROM removed_balances WHERE (site_id, wp_user_id, points_type) IN
         (SELECT site_id, wp_user_id, points_type FROM removed_balances AS r
          WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.job_seq = r.job_seq)
          LIMIT :limit)`,
      { limit },
    );
    return rejects === rejectLimit || dropped === limit || forgotten === limit;
  });
}

export function dropStaleUploads(
  db: SqliteDatabase,
  { untouchedSince, limit }: { untouchedSince: number; limit: number },
): boolean {
  const dropped = db.run(
    `${DISCARD_UPLOADS} AND job_seq IN
       (SELECT job_seq FROM jobs
        WHERE in_parts = 0 AND accepted = 0 AND records_kept = 1 AND updated_at < :untouchedSince
        ORDER BY updated_at LIMIT :limit)`,
    { untouchedSince, limit },
  );
  return dropped === limit;
}

export function dropIdempotencyKeys(
  db: SqliteDatabase,
  { createdBefore, limit }: { createdBefore: number; limit: number },
): boolean {
  const dropped = db.run(
    `DELETE FROM idempotency_keys WHERE (site_id, idempotency_key) IN
       (SELECT site_id, idempotency_key FROM idempotency_keys WHERE created_at < :createdBefore
        ORDER BY created_at LIMIT :limit)`,
    { createdBefore, limit },
  );
  return dropped === limit;
}

export function check(db: SqliteDatabase): void {
  db.impatient(() =>
    db.transaction(() => {
      // Writes what stands there already, as only a write tells whether one is taken.
      db.exec(`PRAGMA user_version = ${db.get('PRAGMA user_version')?.user_version}`);
    }),
  );
  // A small write finds room in the WAL where a batch finds none any more.
  if (db.freeBytes() < LEAST_FREE_BYTES) throw diskFull();
}
