import { moveSizeFor } from '../domain/batchSize.ts';
import { isWorthASample, type Job, msPerRecordAfter } from '../domain/job.ts';
import { applyingMessage } from '../jobTypes/jobTypes.ts';
import { type JobRow, jobFromRow } from './jobRow.ts';
import { applyBatches, type Order, orderOf } from './postgresApply.ts';
import type { Connection, PostgresDatabase } from './postgresDatabase.ts';
import { claimedRow, jobRow } from './postgresJobRow.ts';
import { nextBatches, type PackedBatch } from './postgresStaged.ts';
import { recordsOf, type Settled } from './stagedBatch.ts';
import type { Claim } from './storage.ts';

/**
 * `applyNext` of the port on PostgreSQL. Two connections share a large move, each with a transaction of its own:
 * docs/decisions/0013-two-connections.md.
 */

type Claimed = Claim & { leaseMs: number; now: number };

/**
 * How long the second transaction may wait for the first: less than others wait for its locks, if this process stops
 * meanwhile.
 */
const IDLE_BEHIND_MS = 4_000;

export async function applyNext(db: PostgresDatabase, claim: Claimed): Promise<Job | undefined> {
  const alone = db.movesUnderWay === 0;
  db.movesUnderWay += 1;
  try {
    return await makeMove(db, claim, { alone });
  } finally {
    db.movesUnderWay -= 1;
  }
}

/** Half a move, or all of it. */
interface Share {
  job: JobRow;
  batches: PackedBatch[];
  order: Order;
  leaseUntil: number;
  msPerRecord: number | null;
  now: number;
}

async function makeMove(
  db: PostgresDatabase,
  { leaseMs, now, ...claim }: Claimed,
  { alone }: { alone: boolean },
): Promise<Job | undefined> {
  let second: Promise<JobRow | undefined> = Promise.resolve(undefined);
  const first: Promise<JobRow | undefined> = db.race(async (tx) => {
    const job = await claimedRow(tx, claim);
    if (job === undefined || job.processed >= job.total) return undefined;
    const batches = await nextBatches(db, tx, { job, maxRecords: moveSizeFor(job.total) });
    const records = recordsOf(batches);
    const order = await orderOf(tx, job, batches);
    const pace = { leaseUntil: now + leaseMs, msPerRecord: msPerRecordAfter(job, { records, now }), now };
    const mayShare = alone && records >= db.sharesFrom && db.spareConnections > 1;
    const [half, rest] = mayShare ? halvesOf(batches) : [batches, []];
    if (rest.length > 0) second = writeBehind(db, { job, batches: rest, order, ...pace }, () => first);
    const share = { job, batches: half, order, ...pace };
    const settled = await applyBatches(tx, share);
    return progressed(tx, share, { settled, worthASample: isWorthASample(job, records) });
  }, MOVE);
  let moved: JobRow | undefined;
  let further: JobRow | undefined;
  try {
    moved = await first;
  } finally {
    further = await second;
  }
  return further ?? moved;
}

const MOVE = { planWithValues: false };

/**
 * Writes while `first` does, and commits behind it, if the job is then as it left it. Where this fails, the next move
 * begins with the same batches, and meets what is still in the way.
 */
async function writeBehind(
  db: PostgresDatabase,
  share: Share,
  first: () => Promise<JobRow | undefined>,
): Promise<JobRow | undefined> {
  const behind = async (tx: Connection) => {
    const settled = await applyBatches(tx, share);
    const job = await first();
    return job && progressed(tx, { ...share, job }, { settled, worthASample: false });
  };
  try {
    return await db.race(behind, { ...MOVE, idleInTransactionMs: IDLE_BEHIND_MS });
  } catch {
    const job = await first();
    return job && runningStill(db, job);
  }
}

/** The job as it stands: a commit whose connection broke may have happened. */
async function runningStill(db: PostgresDatabase, { jobId, attempt }: JobRow): Promise<JobRow | undefined> {
  const job = await jobRow(db, jobId);
  return job?.status === 'running' && job.attempt === attempt ? job : undefined;
}

/**
 * The batches of a move in two halves, of which the second may be written beside the first, or all in the first, where
 * something is removed or the same members may stand in both: a shop sends its members by rising id.
 */
function halvesOf(batches: PackedBatch[]): [PackedBatch[], PackedBatch[]] {
  if (!areApart(batches)) return [batches, []];
  const half = recordsOf(batches) / 2;
  let [count, before] = [0, 0];
  for (const { recordCount } of batches) {
    if (count > 0 && before + recordCount / 2 > half) break;
    before += recordCount;
    count += 1;
  }
  return [batches.slice(0, count), batches.slice(count)];
}

function areApart(batches: PackedBatch[]): boolean {
  return batches.every(
    ({ removalCount, minUserId }, at) => removalCount === 0 && minUserId > (batches[at - 1]?.maxUserId ?? 0),
  );
}

/** The statement that fences: `undefined` when the job is no longer as it was when its batches were read. */
async function progressed(
  tx: Connection,
  { job, batches, leaseUntil, msPerRecord, now }: Share,
  { settled: { records, ...counts }, worthASample }: { settled: Settled; worthASample: boolean },
): Promise<JobRow | undefined> {
  const processed = job.processed + records;
  const row = await tx.get(
    `WITH progressed AS (
     UPDATE artly.jobs SET next_batch = :behind, processed = :processed, inserted = inserted + :inserted,
       updated = updated + :updated, unchanged = unchanged + :unchanged, rejected = rejected + :rejected,
       version = version + 1, failures = 0, lease_until = :leaseUntil, step_message = :message, updated_at = :now,
       ms_per_record = :msPerRecord
     WHERE job_id = :jobId AND status = 'running' AND attempt = :attempt AND next_batch = :nextBatch
     RETURNING *
   ), sampled AS (
     INSERT INTO artly.job_samples (job_seq, attempt, processed, at)
     SELECT job_seq, attempt, :before::bigint, :now FROM progressed WHERE :worthASample::boolean
     ON CONFLICT DO NOTHING)
   SELECT * FROM progressed`,
    {
      ...counts,
      jobId: job.jobId,
      attempt: job.attempt,
      nextBatch: job.nextBatch,
      behind: (batches.at(-1)?.n ?? 0) + 1,
      processed,
      before: job.processed,
      worthASample,
      leaseUntil,
      message: applyingMessage({ ...job, processed }),
      msPerRecord,
      now,
    },
  );
  return row && jobFromRow(row);
}
