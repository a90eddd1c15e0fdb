import { type RequestHandler, Router } from 'express';
import { isoTime } from '../domain/job.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import type { OperatorFeed } from '../services/operatorFeed.ts';
import type { OperatorService } from '../services/operatorService.ts';
import type { OperatorSignIn } from '../services/operatorSignIn.ts';
import type { RejectsService } from '../services/rejectsService.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import type { Watchers } from '../services/watchers.ts';
import { endpoint } from './endpoint.ts';
import { streamEvents } from './operatorEvents.ts';
import { addressOf, operatorOnly, requireOwnPage, sessionOf, setSessionCookie } from './operatorGuard.ts';
import { operatorJobRoutes } from './operatorJobs.ts';
import { readActivityQuery, readToken } from './operatorParse.ts';
import { operatorSiteRoutes } from './operatorSites.ts';
import { readSmallObject } from './requestBody.ts';

export interface OperatorParts {
  jobs: SyncJobService;
  rejects: RejectsService;
  operator: OperatorService;
  operatorFeed: OperatorFeed;
  operatorSignIn: OperatorSignIn;
  watchers: Watchers;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
  /** How long a body may stay without a byte, in milliseconds. */
  bodyIdleMs: number;
}

/** The operator's API, over all sites: what the dashboard stands on, and scripts may use as well. */
export function operatorRoutes(parts: OperatorParts): Router {
  const router = Router();
  const before = [operatorOnly(parts.operatorSignIn)];
  sessionRoutes(router, parts);
  operatorJobRoutes(router, before, parts);
  operatorSiteRoutes(router, before, parts);
  watchingRoutes(router, before, parts);
  return router;
}

function sessionRoutes(router: Router, { operatorSignIn, bodyIdleMs }: OperatorParts): void {
  const before: RequestHandler[] = [
    (_request, _response, next) => {
      operatorSignIn.requireOn();
      next();
    },
  ];
  endpoint(router, '/operator/session', {
    before,
    get: (request, response) => {
      const session = sessionOf(operatorSignIn, request);
      response.json({
        success: true,
        signedIn: session !== undefined,
        expiresAt: isoTime(session?.expiresAt ?? null),
      });
    },
    post: async (request, response) => {
      requireOwnPage(request);
      const address = addressOf(request);
      operatorSignIn.checkToken(readToken(await readSmallObject(request, bodyIdleMs)), address);
      const session = operatorSignIn.newSession(address);
      setSessionCookie(request, response, session);
      response.json({ success: true, signedIn: true, expiresAt: isoTime(session.expiresAt) });
    },
    delete: (request, response) => {
      requireOwnPage(request);
      setSessionCookie(request, response, null);
      response.json({ success: true, signedIn: false, expiresAt: null });
    },
  });
}

function watchingRoutes(router: Router, before: RequestHandler[], parts: OperatorParts): void {
  const { operator } = parts;
  endpoint(router, '/operator/overview', {
    before,
    get: async (_request, response) => {
      response.json({
        success: true,
        ...(await operator.overview()),
        types: JOB_TYPES.map(({ name }) => name),
      });
    },
  });
  endpoint(router, '/operator/activity', {
    before,
    get: async (request, response) => {
      const steps = await operator.ended(readActivityQuery(request.query));
      response.json({ success: true, steps: steps.map((step) => ({ ...step, at: isoTime(step.at) })) });
    },
  });
  endpoint(router, '/operator/events', {
    before,
    get: (request, response) => streamEvents(request, response, parts),
  });
}
