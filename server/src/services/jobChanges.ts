import { EventEmitter } from 'node:events';
import type { Job } from '../domain/job.ts';

/** Tells those who wait in this process that a job has changed. Rows decide; this only wakes. */
export class JobChanges {
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  publish(job: Job): void {
    this.#emitter.emit(job.jobId, job);
  }

  /** Calls `listener` with every change of the job from now on, until the function it gives is called. */
  watch(jobId: string, listener: (job: Job) => void): () => void {
    this.#emitter.on(jobId, listener);
    return () => this.#emitter.off(jobId, listener);
  }
}
