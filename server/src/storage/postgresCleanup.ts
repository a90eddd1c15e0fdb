import type { PostgresDatabase } from './postgresDatabase.ts';
import { DISCARD_UPLOADS } from './postgresReceiving.ts';

/**
 * Keeping house on PostgreSQL: the methods of the port of the same names. Several processes do it at once, so each
 * passes over the rows that another has in hand.
 */

/** A reject is small beside a batch or a job: so many of them count as one row of a slice. */
const REJECTS_A_ROW = 20;

interface Slice {
  limit: number;
}

export function dropRecords(
  db: PostgresDatabase,
  { endedBefore, limit }: Slice & { endedBefore: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    // First the mark, then the records: nobody can retry a job of which a part is gone.
    const ended = await tx.run(
      `WITH slice AS (
         SELECT job_seq FROM artly.jobs WHERE records_kept AND completed_at < :endedBefore
         ORDER BY completed_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE artly.jobs AS j SET records_kept = false FROM slice WHERE j.job_seq = slice.job_seq`,
      { endedBefore, limit },
    );
    const dropped = await tx.run(
      `WITH slice AS (
         SELECT b.job_seq, b.n FROM artly.job_batches AS b JOIN artly.jobs AS j USING (job_seq)
         WHERE NOT j.records_kept LIMIT :limit FOR UPDATE OF b SKIP LOCKED)
       DELETE FROM artly.job_batches AS b USING slice WHERE b.job_seq = slice.job_seq AND b.n = slice.n`,
      { limit },
    );
    const rejectLimit = limit * REJECTS_A_ROW;
    const forgotten = await tx.run(
      `WITH slice AS (
         SELECT r.job_seq, r.record_index FROM artly.job_rejects AS r JOIN artly.jobs AS j USING (job_seq)
         WHERE r.record IS NOT NULL AND NOT j.records_kept LIMIT :rejectLimit FOR UPDATE OF r SKIP LOCKED)
       UPDATE artly.job_rejects AS r SET record = NULL FROM slice
       WHERE r.job_seq = slice.job_seq AND r.record_index = slice.record_index`,
      { rejectLimit },
    );
    return ended === limit || dropped === limit || forgotten === rejectLimit;
  });
}

export function dropJobs(
  db: PostgresDatabase,
  { endedBefore, limit }: Slice & { endedBefore: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const rejectLimit = limit * REJECTS_A_ROW;
    const rejects = await tx.run(
      `WITH slice AS (
         SELECT r.job_seq, r.record_index FROM artly.jobs AS j JOIN artly.job_rejects AS r USING (job_seq)
         WHERE NOT j.records_kept AND j.completed_at < :endedBefore
         LIMIT :rejectLimit FOR UPDATE OF r SKIP LOCKED)
       DELETE FROM artly.job_rejects AS r USING slice
       WHERE r.job_seq = slice.job_seq AND r.record_index = slice.record_index`,
      { endedBefore, rejectLimit },
    );
    // A job goes behind its rejects and batches: deleting it must not delete them all at once.
    const dropped = await tx.run(
      `WITH slice AS (
         SELECT job_seq FROM artly.jobs AS j WHERE NOT records_kept AND completed_at < :endedBefore
           AND NOT EXISTS (SELECT FROM artly.job_rejects AS r WHERE r.job_seq = j.job_seq)
           AND NOT EXISTS (SELECT FROM artly.job_batches AS b WHERE b.job_seq = j.job_seq)
         ORDER BY completed_at LIMIT :limit FOR UPDATE SKIP LOCKED)
       DELETE FROM artly.jobs AS j USING slice WHERE j.job_seq = slice.job_seq`,
      { endedBefore, limit },
    );
    const forgotten = await tx.run(FORGET_REMOVED, { limit });
    return rejects === rejectLimit || dropped === limit || forgotten === limit;
  });
}

/**
 * A removed balance is remembered as long as the history: as long as the job that removed it. Goes from job to job by
 * key, as there are far fewer of them than of removed balances.
 */
const FORGET_REMOVED = `
  WITH RECURSIVE remover AS (
    (SELECT site_id, job_seq FROM artly.removed_balances ORDER BY site_id, job_seq LIMIT 1)
    UNION ALL
    SELECT next.* FROM remover AS r CROSS JOIN LATERAL (
      SELECT x.site_id, x.job_seq FROM artly.removed_balances AS x
      WHERE (x.site_id, x.job_seq) > (r.site_id, r.job_seq) ORDER BY x.site_id, x.job_seq LIMIT 1) AS next
  ), slice AS (
    SELECT x.* FROM remover AS r CROSS JOIN LATERAL (
      SELECT x.site_id, x.wp_user_id, x.points_type FROM artly.removed_balances AS x
      WHERE x.site_id = r.site_id AND x.job_seq = r.job_seq LIMIT :limit FOR UPDATE SKIP LOCKED) AS x
    WHERE NOT EXISTS (SELECT FROM artly.jobs AS j WHERE j.job_seq = r.job_seq)
    LIMIT :limit)
  DELETE FROM artly.removed_balances AS x USING slice
  WHERE x.site_id = slice.site_id AND x.wp_user_id = slice.wp_user_id AND x.points_type = slice.points_type`;

export function dropStaleUploads(
  db: PostgresDatabase,
  { untouchedSince, limit }: Slice & { untouchedSince: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const dropped = await tx.run(
      `WITH slice AS (
         SELECT job_seq FROM artly.jobs
         WHERE NOT accepted AND status = 'pending' AND NOT in_parts AND records_kept
           AND updated_at < :untouchedSince
         ORDER BY job_seq LIMIT :limit FOR UPDATE SKIP LOCKED)
       ${DISCARD_UPLOADS} AND job_seq IN (SELECT job_seq FROM slice)`,
      { untouchedSince, limit },
    );
    return dropped === limit;
  });
}

export function dropIdempotencyKeys(
  db: PostgresDatabase,
  { createdBefore, limit }: Slice & { createdBefore: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const dropped = await tx.run(
      `WITH slice AS (
         SELECT site_id, idempotency_key FROM artly.idempotency_keys WHERE created_at < :createdBefore
         ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)
       DELETE FROM artly.idempotency_keys AS k USING slice
       WHERE k.site_id = slice.site_id AND k.idempotency_key = slice.idempotency_key`,
      { createdBefore, limit },
    );
    return dropped === limit;
  });
}

/** A "no" is an answer here too, and someone waits for it. */
const IMPATIENT = { statementTimeoutMs: 2_000, lockTimeoutMs: 500 };

export async function check(db: PostgresDatabase): Promise<void> {
  // Writes what stands there already, as only a write tells whether one is taken: a standby refuses it. Whoever else
  // checks at this moment has the row, and tells as much.
  await db.transaction(
    (tx) =>
      tx.run(
        `WITH free AS (SELECT version FROM artly.schema_version FOR UPDATE SKIP LOCKED)
         UPDATE artly.schema_version AS v SET version = v.version FROM free`,
      ),
    IMPATIENT,
  );
  // A small write finds room where a batch finds none any more.
  if (db.diskWasFull) await findRoom(db);
}

/** PostgreSQL doesn't tell how much room its disk has, so this takes what a few batches take, and gives it back. */
async function findRoom(db: PostgresDatabase): Promise<void> {
  await db.transaction((tx) =>
    tx.run(
      'CREATE TEMPORARY TABLE artly_room ON COMMIT DROP AS SELECT g FROM generate_series(1, 450000) AS g',
    ),
  );
  db.diskWasFull = false;
}
