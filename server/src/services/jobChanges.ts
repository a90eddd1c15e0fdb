import { EventEmitter } from 'node:events';
import type { Job } from '../domain/job.ts';

export interface WatchedJob {
  siteId: number;
  jobId: string;
}

/** Tells those who wait that a job has changed. Rows decide; this only wakes. */
export interface JobChanges {
  /** This process has changed the job. */
  publish(job: Job): void;
  /** Calls `listener` with every change of the job from now on, until the function it gives is called. */
  watch(job: WatchedJob, listener: (job: Job) => void): () => void;
}

/** Where one process does everything, it knows every change itself. */
export class LocalJobChanges implements JobChanges {
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  publish(job: Job): void {
    this.#emitter.emit(job.jobId, job);
  }

  watch({ jobId }: WatchedJob, listener: (job: Job) => void): () => void {
    this.#emitter.on(jobId, listener);
    return () => this.#emitter.off(jobId, listener);
  }
}
