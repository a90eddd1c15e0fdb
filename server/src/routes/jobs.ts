import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response, Router } from 'express';
import type { Attempt, AuditEntry } from '../domain/auditTrail.ts';
import type { RejectedRecord } from '../domain/batch.ts';
import { isoTime, type Job, jobAsJson } from '../domain/job.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import { type ArtlyParts, answerCancel } from './artly.ts';
import { endpoint } from './endpoint.ts';
import { answerJob } from './jobAnswer.ts';
import { readJobId, readJobsQuery, readRetry } from './parse.ts';
import { readOptionalObject } from './requestBody.ts';
import { actorOf, siteOf } from './signIn.ts';
import { openJob, uploadAsJson } from './uploads.ts';

/** Mended records may come with a retry. */
const RETRY_BYTES = 1024 * 1024;

/** Jobs of every type: list, make one that comes in parts, look, cancel, retry, why records were rejected, and who did what. */
export function jobRoutes(router: Router, before: RequestHandler[], parts: ArtlyParts): void {
  const { jobs, inParts, rejects, bodyIdleMs } = parts;
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
      answerJob(request, response, job, upload && { upload });
    },
  });
  endpoint(router, '/artly/sync/jobs/:jobId/cancel', {
    before,
    post: (request, response) =>
      answerCancel(request, response, { jobs, jobId: readJobId(request.params.jobId) }),
  });
  endpoint(router, '/artly/sync/jobs/:jobId/retry', {
    before,
    post: (request, response) => {
      const { siteId } = siteOf(request);
      const jobId = readJobId(request.params.jobId);
      return answerRetry(request, response, {
        jobs,
        rejects,
        bodyIdleMs,
        siteId,
        jobId,
        actor: actorOf(request),
      });
    },
  });
  historyRoutes(router, before, jobs);
}

interface Retry extends Pick<ArtlyParts, 'jobs' | 'rejects' | 'bodyIdleMs'> {
  siteId: number;
  jobId: string;
  actor: { name: string; ip: string | null };
}

/** The whole job again; or its rejected records alone, as a job of their own. */
export async function answerRetry(
  request: Request,
  response: Response,
  { jobs, rejects, bodyIdleMs, ...change }: Retry,
): Promise<void> {
  const { only, mended } = readRetry(await readOptionalObject(request, bodyIdleMs, RETRY_BYTES));
  if (only === 'rejected') {
    const { jobId, records, rejected } = await rejects.retry({ ...change, mended });
    const message = `${records} of ${rejected} rejected records are tried again, as a job of their own.`;
    response.status(202).json({ success: true, jobId, message });
    return;
  }
  const { jobId, attempt } = await jobs.retry(change);
  response
    .status(202)
    .json({ success: true, jobId, message: `Attempt ${attempt} starts from the first record.` });
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
      const { audit, attempts } = await jobs.trail(siteOf(request).siteId, readJobId(request.params.jobId));
      response.json({ success: true, audit: auditAsJson(audit), attempts: attemptsAsJson(attempts) });
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

/** The answer to a cancel, also of a job that had ended. */
export function cancelAsJson({ job, cancelled }: { job: Job; cancelled: boolean }) {
  const message = cancelled ? job.stepMessage : `The job had ended before: it is ${job.status}.`;
  return { success: true, message, jobId: job.jobId };
}

export function auditAsJson(entries: AuditEntry[]) {
  return entries.map(({ at, event, actor, ip, attempt, detail }) => {
    return { at: isoTime(at), event, actor, ip, attempt, detail };
  });
}

export function attemptsAsJson(attempts: Attempt[]) {
  return attempts.map(({ startedAt, endedAt, ...attempt }) => {
    return { ...attempt, startedAt: isoTime(startedAt), endedAt: isoTime(endedAt) };
  });
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
