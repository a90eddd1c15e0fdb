import type { RequestHandler, Router } from 'express';
import type { RejectedRecord } from '../domain/batch.ts';
import { isoTime, type Job, jobAsJson } from '../domain/job.ts';
import { endpoint } from './endpoint.ts';
import { answerRejects, answerRetry, attemptsAsJson, auditAsJson, cancelAsJson } from './jobs.ts';
import type { OperatorParts } from './operator.ts';
import { operatorActor } from './operatorGuard.ts';
import { cursorOf, readJobsQuery, readRejectsQuery } from './operatorParse.ts';
import { readJobId } from './parse.ts';

/** A job as everywhere, and the site that it belongs to. */
export function placedJobAsJson({ job, siteUrl }: { job: Job; siteUrl: string }) {
  return { ...jobAsJson(job), site: { siteId: job.siteId, url: siteUrl } };
}

/** The jobs of all sites: list, look at one with all that is known of it, cancel, retry, rejects. */
export function operatorJobRoutes(
  router: Router,
  before: RequestHandler[],
  { operator, jobs, rejects, bodyIdleMs }: OperatorParts,
): void {
  endpoint(router, '/operator/jobs', {
    before,
    get: async (request, response) => {
      const { jobs, next } = await operator.listJobs(readJobsQuery(request.query));
      response.json({ success: true, jobs: jobs.map(placedJobAsJson), nextCursor: cursorOf(next) });
    },
  });
  endpoint(router, '/operator/jobs/:jobId', {
    before,
    get: async (request, response) => {
      const { audit, attempts, samples, retryable, rejectsRetryable, ...found } = await operator.wholeJob(
        readJobId(request.params.jobId),
      );
      response.json({
        success: true,
        job: placedJobAsJson(found),
        retryable,
        rejectsRetryable,
        audit: auditAsJson(audit),
        attempts: attemptsAsJson(attempts),
        samples: samples.map((sample) => ({ ...sample, at: isoTime(sample.at) })),
      });
    },
  });
  endpoint(router, '/operator/jobs/:jobId/cancel', {
    before,
    post: async (request, response) => {
      const jobId = readJobId(request.params.jobId);
      response.json(cancelAsJson(await operator.cancel(jobId, operatorActor(request))));
    },
  });
  endpoint(router, '/operator/jobs/:jobId/retry', {
    before,
    post: async (request, response) => {
      const { siteId, jobId } = (await operator.findJob(readJobId(request.params.jobId))).job;
      const actor = operatorActor(request);
      await answerRetry(request, response, { jobs, rejects, bodyIdleMs, siteId, jobId, actor });
    },
  });
  endpoint(router, '/operator/jobs/:jobId/rejects', {
    before,
    get: async (request, response) => {
      const { format, limit } = readRejectsQuery(request.query);
      const { jobId } = (await operator.findJob(readJobId(request.params.jobId))).job;
      const csv =
        (format ?? (request.accepts(['application/x-ndjson', 'text/csv']) === 'text/csv' ? 'csv' : '')) ===
        'csv';
      // A link can name the format, and then the answer is a file to keep.
      if (format !== undefined) response.attachment(`rejects-${jobId}.${format}`);
      await answerRejects(response, firstOf(operator.rejects(jobId), limit), csv);
    },
  });
}

async function* firstOf(
  rejects: AsyncIterable<RejectedRecord>,
  limit: number,
): AsyncGenerator<RejectedRecord> {
  let given = 0;
  for await (const reject of rejects) {
    yield reject;
    given += 1;
    if (given === limit) return;
  }
}
