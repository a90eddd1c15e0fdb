import type { ErrorCode } from './errors.ts';
import type { IdRange } from './idRange.ts';

export const JOB_STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/**
 * The only moves there are, each with the name it has in the audit trail. Storage adapters make no move
 * that is not in this table. docs/jobStates.md draws it, and a test compares the two.
 */
export const JOB_MOVES = {
  started: { from: ['pending'], to: 'running' },
  resumed: { from: ['running'], to: 'running' },
  postponed: { from: ['running'], to: 'running' },
  completed: { from: ['running'], to: 'completed' },
  failed: { from: ['running'], to: 'failed' },
  abandoned: { from: ['pending'], to: 'failed' },
  cancelled: { from: ['pending', 'running'], to: 'cancelled' },
  retried: { from: ['failed', 'cancelled'], to: 'pending' },
} as const satisfies Record<string, { from: readonly JobStatus[]; to: JobStatus }>;
export type JobMove = keyof typeof JOB_MOVES;

/**
 * What the audit trail records: the moves, the birth of the job, the commit of one that came in parts, and that its
 * rejected records were tried again, as a job of their own.
 */
export type AuditEvent = JobMove | 'created' | 'committed' | 'mended';

export function mayMove(move: JobMove, from: JobStatus): boolean {
  return (JOB_MOVES[move].from as readonly JobStatus[]).includes(from);
}

/** Whether the job has ended: only a retry can change it now. */
export function hasEnded(status: JobStatus): boolean {
  return status !== 'pending' && status !== 'running';
}

/** How records were settled. They add up to `processed` in every state. */
export interface Counts {
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
}

/** What became of the records settled since an earlier look at the same attempt of a job. */
export function settledBetween(before: Counts, after: Counts): Counts {
  return {
    inserted: after.inserted - before.inserted,
    updated: after.updated - before.updated,
    unchanged: after.unchanged - before.unchanged,
    rejected: after.rejected - before.rejected,
  };
}

export const JOB_MODES = ['merge', 'snapshot'] as const;
/** `merge` removes nothing; a `snapshot` is the whole picture, so what it does not carry is removed. */
export type JobMode = (typeof JOB_MODES)[number];

/** How a job is meant. Without `confirmRemoval`, a snapshot that would remove too much fails. */
export interface JobPlan {
  mode: JobMode;
  confirmRemoval: boolean;
  /** Of a snapshot that is the whole picture of these members only: their ids, merged. Null where it is of all. */
  ranges: IdRange[] | null;
}

/**
 * A job as storage keeps it. Times are milliseconds since 1970, UTC. Its ranges stay in the storage, which alone needs
 * them: there may be thousands, and a job goes from hand to hand with each step.
 */
export interface Job extends Counts, Omit<JobPlan, 'ranges'> {
  jobId: string;
  siteId: number;
  type: string;
  status: JobStatus;
  processed: number;
  total: number;
  /** Of a job in parts: whether they still come in, and nobody works on it, or it was committed; else null. */
  inParts: 'receiving' | 'committed' | null;
  /** Records that a job in parts will have, where its sender has said so. */
  expectedTotal: number | null;
  /** Balances that a snapshot removed because it did not carry them. */
  removed: number;
  stepMessage: string;
  error: { code: ErrorCode; message: string } | null;
  /** Passing failures in a row, without a batch in between. */
  failures: number;
  attempt: number;
  version: number;
  /** `processed` when the attempt in hand began. */
  attemptProcessed: number;
  /** What a record took in the last batches of this attempt, in milliseconds; null before the second. */
  msPerRecord: number | null;
  createdAt: number;
  startedAt: number | null;
  updatedAt: number;
  completedAt: number | null;
}

/** Whole percent, rounded down; 100 is kept for a completed job. */
export function progressOf(job: Pick<Job, 'status' | 'processed' | 'total'>): number {
  if (job.status === 'completed') return 100;
  if (job.total === 0) return 0;
  return Math.min(99, Math.floor((job.processed * 100) / job.total));
}

/**
 * Whether the point in time at which a job stands, before its next batches, is kept for its speed over time: at the
 * start of an attempt, and with each whole percent.
 */
export function isWorthASample(
  job: Pick<Job, 'processed' | 'attemptProcessed' | 'total'>,
  records: number,
): boolean {
  const percent = (processed: number) => Math.floor((processed * 100) / job.total);
  return job.processed === job.attemptProcessed || percent(job.processed + records) > percent(job.processed);
}

/** Records accepted: what the result calls `count`. */
export function acceptedCount(counts: Counts): number {
  return counts.inserted + counts.updated + counts.unchanged;
}

/** The pace is that of the last tenth of a job, but of 10 s at least: this levels out batches and turns of others. */
const PACE_SHARE = 1 / 10;
const PACE_MS = 10_000;

export type Pace = Pick<Job, 'processed' | 'attemptProcessed' | 'total' | 'msPerRecord' | 'updatedAt'>;

/**
 * The new `msPerRecord` of a job after its next batches: the average of the attempt to begin with; later, what is
 * older counts less and less. What others took meanwhile is in it. `now` is when these batches began, so what has
 * passed since `updatedAt` is what the ones before them took: of the first, nothing is known yet.
 */
export function msPerRecordAfter(
  before: Pace,
  { records, now }: { records: number; now: number },
): number | null {
  const settled = before.processed - before.attemptProcessed;
  if (settled <= 0) return null;
  const latest = Math.max(0, now - before.updatedAt) / records;
  const earlier = before.msPerRecord ?? latest;
  const window = Math.max(before.total * PACE_SHARE, PACE_MS / earlier);
  const weight = Math.min(1, records / Math.min(settled, window));
  return earlier + weight * (latest - earlier);
}

/** Seconds to the end at the pace of the last batches, or null while that can't be known. */
export function etaSecondsOf(job: Job): number | null {
  if (job.status !== 'running' || job.msPerRecord === null) return null;
  return Math.ceil(((job.total - job.processed) * job.msPerRecord) / 1000);
}

/** The job as JSON, the same everywhere it appears. */
export function jobAsJson(job: Job) {
  return {
    jobId: job.jobId,
    type: job.type,
    status: job.status,
    progress: progressOf(job),
    processed: job.processed,
    total: job.total,
    inserted: job.inserted,
    updated: job.updated,
    unchanged: job.unchanged,
    rejected: job.rejected,
    stepMessage: job.stepMessage,
    error: job.error,
    result: resultOf(job),
    attempt: job.attempt,
    version: job.version,
    etaSeconds: etaSecondsOf(job),
    createdAt: isoTime(job.createdAt),
    startedAt: isoTime(job.startedAt),
    updatedAt: isoTime(job.updatedAt),
    completedAt: isoTime(job.completedAt),
  };
}

function resultOf(job: Job) {
  if (job.status !== 'completed') return null;
  const removed = job.mode === 'snapshot' ? { removed: job.removed } : {};
  return { success: true, message: job.stepMessage, count: acceptedCount(job), ...removed };
}

export function isoTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
