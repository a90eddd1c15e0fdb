import { pipeline } from 'node:stream/promises';
import type { RequestHandler, Response, Router } from 'express';
import type { RejectedRecord } from '../domain/batch.ts';
import { isoTime, jobAsJson } from '../domain/job.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import { type ArtlyParts, answerCancel } from './artly.ts';
import { endpoint } from './endpoint.ts';
import { readJobId, readJobsQuery } from './parse.ts';
import { actorOf, siteOf } from './signIn.ts';
import { openJob, uploadAsJson } from './uploads.ts';

/** Jobs of every type: list, make one that comes in parts, look, cancel, retry, why records were rejected, and who did what. */
export function jobRoutes(router: Router, before: RequestHandler[], parts: ArtlyParts): void {
  const { jobs, inParts } = parts;
  endpoint(router, '/artly/sync/jobs', {
    before,
    get: async (request, response) => {
      const { siteId } = siteOf(request);
      const page = await jobs.list({ siteId, ...readJobsQuery(request.query) });
      response.json({ success: true, jobs: page.jobs.map(jobAsJson), nextCursor: page.nextCursor });
    },
    post: (request, response) => openJob(request, response, parts),
  });
  endpoint(router, '/artly/sync/jobs/:jobId', {
    before,
    get: async (request, response) => {
      const job = await jobs.find(siteOf(request).siteId, readJobId(request.params.jobId));
      const upload = await uploadAsJson(inParts, job);
      response.json({ success: true, job: jobAsJson(job), ...(upload && { upload }) });
    },
  });
  endpoint(router, '/artly/sync/jobs/:jobId/cancel', {
    before,
    post: (request, response) =>
      answerCancel(request, response, { jobs, jobId: readJobId(request.params.jobId) }),
  });
  endpoint(router, '/artly/sync/jobs/:jobId/retry', {
    before,
    post: async (request, response) => {
      const jobId = readJobId(request.params.jobId);
      const job = await jobs.retry({ siteId: siteOf(request).siteId, jobId, actor: actorOf(request) });
      response
        .status(202)
        .json({ success: true, jobId, message: `Attempt ${job.attempt} starts from the first record.` });
    },
  });
  historyRoutes(router, before, jobs);
}

function historyRoutes(router: Router, before: RequestHandler[], jobs: SyncJobService): void {
  endpoint(router, '/artly/sync/jobs/:jobId/rejects', {
    before,
    get: async (request, response) => {
      const { siteId, jobId } = await jobs.find(siteOf(request).siteId, readJobId(request.params.jobId));
      const csv = request.accepts(['application/x-ndjson', 'text/csv']) === 'text/csv';
      await answerRejects(response, jobs.rejects(siteId, jobId), csv);
    },
  });
  endpoint(router, '/artly/sync/jobs/:jobId/audit', {
    before,
    get: async (request, response) => {
      const entries = await jobs.audit(siteOf(request).siteId, readJobId(request.params.jobId));
      response.json({ success: true, audit: auditAsJson(entries) });
    },
  });
}

export async function answerRejects(
  response: Response,
  rejects: AsyncIterable<RejectedRecord>,
  csv: boolean,
): Promise<void> {
  response.type(csv ? 'text/csv' : 'application/x-ndjson');
  await pipeline(rejectLines(rejects, csv ? csvLine : ndjsonLine, csv ? CSV_HEAD : ''), response);
}

export function auditAsJson(entries: { at: number }[]) {
  return entries.map((entry) => ({ ...entry, at: isoTime(entry.at) }));
}

export function rejectAsJson({ index, wpUserId, code, message }: RejectedRecord) {
  return { index, wp_user_id: wpUserId, code, message };
}

const CSV_HEAD = 'index,wp_user_id,code,message\r\n';

async function* rejectLines(
  rejects: AsyncIterable<RejectedRecord>,
  line: (reject: RejectedRecord) => string,
  head: string,
): AsyncGenerator<string> {
  if (head !== '') yield head;
  for await (const reject of rejects) yield line(reject);
}

function ndjsonLine(reject: RejectedRecord): string {
  return `${JSON.stringify(rejectAsJson(reject))}\n`;
}

/** The message holds a piece of what was sent: it is quoted, and begins with a word of ours, never with a formula. */
function csvLine({ index, wpUserId, code, message }: RejectedRecord): string {
  return `${index},${wpUserId ?? ''},${code},"${message.replaceAll('"', '""')}"\r\n`;
}
