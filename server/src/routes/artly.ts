import { type Request, type RequestHandler, type Response, Router } from 'express';
import { SyncError } from '../domain/errors.ts';
import { acceptedCount, type Job } from '../domain/job.ts';
import { jobTypeNamed } from '../jobTypes/jobTypes.ts';
import type { ArtlyService } from '../services/artlyService.ts';
import type { IncomingJob, IntakeService } from '../services/intakeService.ts';
import type { PartsService } from '../services/partsService.ts';
import type { RejectsService } from '../services/rejectsService.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import { balanceRoutes } from './balances.ts';
import { endpoint } from './endpoint.ts';
import { answerStatus } from './jobAnswer.ts';
import { cancelAsJson, jobRoutes, rejectAsJson } from './jobs.ts';
import { type LiveParts, liveRoutes } from './live.ts';
import { readIdempotencyKey, readJobId, readJobPlan } from './parse.ts';
import { recordRoutes } from './records.ts';
import { incomingBody, readSmallObject } from './requestBody.ts';
import { actorOf, signIn, siteOf } from './signIn.ts';
import { startedMessage, uploadRoutes } from './uploads.ts';

export interface ArtlyParts extends LiveParts {
  intake: IntakeService;
  inParts: PartsService;
  rejects: RejectsService;
  artly: ArtlyService;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
  /** How long a body may stay without a byte, in milliseconds. */
  bodyIdleMs: number;
}

/** Rejects that the old endpoint's one answer carries; all of them stand under the job. */
const ERRORS_IN_ANSWER = 1_000;

/** The HTTP API: everything under /artly. */
export function artlyRoutes(parts: ArtlyParts): Router {
  const router = Router();
  const before = [signIn(parts.sites)];
  jobRoutes(router, before, parts);
  uploadRoutes(router, before, parts);
  liveRoutes(router, before, parts);
  // Behind those of /artly/sync/jobs, which is no type.
  givenRoutes(router, before, parts);
  balanceRoutes(router, before, parts);
  recordRoutes(router, before, parts);
  return router;
}

/**
 * The endpoints that older versions of the plugin call for balances: start, status, cancel, and all of it in one request. All
 * types have them, by their older names too.
 */
function givenRoutes(router: Router, before: RequestHandler[], parts: ArtlyParts): void {
  const { jobs, intake } = parts;
  router.param('type', (_request, _response, next, name) => {
    jobTypeNamed(name);
    next();
  });
  endpoint(router, '/artly/sync/:type/start', {
    before,
    post: async (request, response) => {
      const { jobId, total } = await intake.receive(incomingJob(request, parts));
      response.status(202).json({ success: true, jobId, message: startedMessage(total) });
    },
  });
  endpoint(router, '/artly/sync/:type/status', {
    before,
    get: (request, response) => answerStatus(request, response, parts),
  });
  endpoint(router, '/artly/sync/:type/cancel', {
    before,
    post: async (request, response) => {
      const jobId = readJobId((await readSmallObject(request, parts.bodyIdleMs)).jobId);
      await answerCancel(request, response, { jobs, jobId });
    },
  });
  endpoint(router, '/artly/sync/:type', {
    before,
    post: async (request, response) => {
      const incoming = incomingJob(request, parts);
      const { job } = await parts.artly.processPointsBalances({ incoming, signal: parts.stopping });
      response.json(await oldAnswer(jobs, job as Job));
    },
  });
}

export async function answerCancel(
  request: Request,
  response: Response,
  { jobs, jobId }: { jobs: SyncJobService; jobId: string },
): Promise<void> {
  const { siteId } = siteOf(request);
  response.json(cancelAsJson(await jobs.cancel({ siteId, jobId, actor: actorOf(request) })));
}

function incomingJob(request: Request, { bodyIdleMs, stopping }: ArtlyParts): IncomingJob {
  if (stopping.aborted) {
    throw new SyncError('SHUTTING_DOWN', 'The server is stopping: send the start again in a moment.');
  }
  const type = jobTypeNamed(request.params.type as string);
  return {
    siteId: siteOf(request).siteId,
    type: type.name,
    actor: actorOf(request),
    idempotencyKey: readIdempotencyKey(request.get('idempotency-key')),
    plan: readJobPlan(request.query, type),
    ...incomingBody(request, bodyIdleMs),
  };
}

async function oldAnswer(jobs: SyncJobService, job: Job) {
  if (job.status === 'cancelled')
    throw new SyncError('JOB_CANCELLED', `Job ${job.jobId}: ${job.stepMessage}`);
  if (job.status === 'failed') throw new SyncError('JOB_FAILED', `Job ${job.jobId}: ${job.stepMessage}`);
  const errors = [];
  for await (const reject of jobs.rejects(job.siteId, job.jobId)) {
    if (errors.push(rejectAsJson(reject)) === ERRORS_IN_ANSWER) break;
  }
  return { success: true, updated: acceptedCount(job), ...(errors.length > 0 && { errors }) };
}
