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
  /** Tells `watcher` which job changed, whichever it is, from now on, until the function it gives is called. */
  watchAll(watcher: AllJobsWatcher): () => void;
}

export interface AllJobsWatcher {
  changed(jobId: string): void;
  /** Changes may have been missed: all that is shown is to be read anew. */
  missed(): void;
}

/** Where one process does everything, it knows every change itself. */
export class LocalJobChanges implements JobChanges {
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #watchers = new Set<AllJobsWatcher>();

  publish(job: Job): void {
    this.#emitter.emit(job.jobId, job);
    for (const watcher of this.#watchers) watcher.changed(job.jobId);
  }

  watch({ jobId }: WatchedJob, listener: (job: Job) => void): () => void {
    this.#emitter.on(jobId, listener);
    return () => this.#emitter.off(jobId, listener);
  }

  watchAll(watcher: AllJobsWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
