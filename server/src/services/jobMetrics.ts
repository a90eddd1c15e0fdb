import type { Counts, Job } from '../domain/job.ts';

/** Stands for the reject codes that are not kept (`ARTLY_MAX_REJECTS`). */
export const REASON_NOT_KEPT = 'REASON_NOT_KEPT';

/** Rejected records of one body, by reject code. */
export type RejectCounts = ReadonlyMap<string, number>;

/** Why a job runs again: it was asked to, or a failure may have passed. */
export type RetryCause = 'asked' | 'failure';

/**
 * Who counts what happens to jobs. It is told in the middle of the work: so it never waits and never throws. It hears
 * of the type of a job, and never whose it is.
 */
export interface JobMetrics {
  jobEnded(job: Job): void;
  jobRetried(job: Job, cause: RetryCause): void;
  /** A batch is about to be applied; the function that it gives takes what became of the records, when it is committed. */
  batchBegins(type: string): (settled: Counts) => void;
  /** A body was received whole, and these records of it were rejected. */
  recordsRejected(type: string, rejects: RejectCounts): void;
}
