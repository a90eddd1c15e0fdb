import { type Job, jobAsJson } from '../domain/job.ts';

/** What watchers are sent of a job. A version is written down once, however many watch: they share its bytes. */

/** The job as a server-sent event. */
export const jobEvent = oncePerJob(
  (job) => `id: ${job.version}\ndata: ${JSON.stringify(jobAsJson(job))}\n\n`,
);

/** The job as a message on a WebSocket. */
export const jobMessage = oncePerJob((job) => JSON.stringify({ job: jobAsJson(job) }));

function oncePerJob(textOf: (job: Job) => string): (job: Job) => Buffer {
  const known = new WeakMap<Job, Buffer>();
  return (job) => {
    const bytes = known.get(job) ?? Buffer.from(textOf(job));
    known.set(job, bytes);
    return bytes;
  };
}
