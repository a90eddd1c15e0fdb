import { createHash } from 'node:crypto';
import type { Request, RequestHandler, Response, Router } from 'express';
import type { Job } from '../domain/job.ts';
import type { PartsService } from '../services/partsService.ts';
import type { ArtlyParts } from './artly.ts';
import { endpoint } from './endpoint.ts';
import { readCommit, readIdempotencyKey, readJobId, readNewJob, readPartNumber } from './parse.ts';
import { incomingBody, readSmallObject } from './requestBody.ts';
import { actorOf, siteOf } from './signIn.ts';

/** A list of ranges may be long. */
const NEW_JOB_BYTES = 1024 * 1024;

/** A job in parts: put its batches, and commit. It is made by `openJob`, at the address of all jobs. */
export function uploadRoutes(router: Router, before: RequestHandler[], parts: ArtlyParts): void {
  endpoint(router, '/artly/sync/jobs/:jobId/batches/:n', {
    before,
    put: async (request, response) => {
      const jobId = readJobId(request.params.jobId);
      const { part, records } = await parts.inParts.put({
        siteId: siteOf(request).siteId,
        jobId,
        part: readPartNumber(request.params.n),
        ...incomingBody(request, parts.bodyIdleMs),
      });
      response.json({ success: true, jobId, batch: part, records });
    },
  });
  endpoint(router, '/artly/sync/jobs/:jobId/commit', {
    before,
    post: async (request, response) => {
      const jobId = readJobId(request.params.jobId);
      const { batches, records } = readCommit(await readSmallObject(request, parts.bodyIdleMs));
      const commit = { jobId, parts: batches, records, actor: actorOf(request) };
      const job = await parts.inParts.commit({ siteId: siteOf(request).siteId, ...commit });
      response.status(202).json({ success: true, jobId, message: startedMessage(job.total) });
    },
  });
}

export async function openJob(
  request: Request,
  response: Response,
  { inParts, bodyIdleMs }: ArtlyParts,
): Promise<void> {
  const job = readNewJob(await readSmallObject(request, bodyIdleMs, NEW_JOB_BYTES));
  const idempotencyKey = readIdempotencyKey(request.get('idempotency-key'));
  const requestHash = createHash('sha256').update(JSON.stringify(job)).digest();
  const jobId = await inParts.open({
    ...job,
    siteId: siteOf(request).siteId,
    actor: actorOf(request),
    request: idempotencyKey === null ? null : { idempotencyKey, requestHash },
  });
  response.status(201).json({ success: true, jobId });
}

/** Which batches are there, of a job that waits for more of them. */
export async function uploadAsJson(inParts: PartsService, job: Job) {
  const standing = await inParts.standing(job);
  return standing && { batches: standing.map(({ part }) => part), records: job.total };
}

export function startedMessage(total: number | null): string {
  if (total === null) return 'This request came before: its job is the same.';
  return `The job has started with ${total} ${total === 1 ? 'record' : 'records'}.`;
}
