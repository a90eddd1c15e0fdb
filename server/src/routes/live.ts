import type { RequestHandler, Router } from 'express';
import { isoTime } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import type { Watchers } from '../services/watchers.ts';
import { endpoint } from './endpoint.ts';
import { asSyncError, logFailure } from './errors.ts';
import { type LiveAccessParts, liveAccess } from './liveAccess.ts';
import { answerEvents } from './liveEvents.ts';
import { LiveSocket } from './liveSocket.ts';
import { readJobId } from './parse.ts';
import { siteOf } from './signIn.ts';
import { openSocket, requireUpgrade } from './upgrade.ts';

export interface LiveParts extends LiveAccessParts {
  jobs: SyncJobService;
  watchers: Watchers;
  log: Log;
}

/** Watching a job without asking again and again; `status` waits too, see jobAnswer.ts. All read one stream: `follow`. */
export function liveRoutes(router: Router, before: RequestHandler[], parts: LiveParts): void {
  const { jobs, tickets, watchers, log } = parts;
  endpoint(router, '/artly/sync/jobs/:jobId/ticket', {
    before,
    post: async (request, response) => {
      const { siteId, jobId } = await jobs.find(siteOf(request).siteId, readJobId(request.params.jobId));
      const { ticket, expiresAt } = await tickets.make({ siteId, jobId });
      response.status(201).json({ success: true, ticket, expiresAt: isoTime(expiresAt) });
    },
  });
  endpoint(router, '/artly/sync/jobs/:jobId/events', {
    get: (request, response) => answerEvents(request, response, parts),
  });
  endpoint(router, '/artly/sync/live', {
    get: async (request, response) => {
      requireUpgrade(request, response);
      const access = await liveAccess(request, response, parts);
      const watcher = watchers.enter({ siteId: access.siteId, kind: 'socket' });
      const failed = (error: unknown) => {
        logFailure(log, request, error);
        return asSyncError(error);
      };
      try {
        const socket = openSocket(request, response);
        new LiveSocket({ socket, access, watcher, jobs, failed, heartbeatMs: watchers.heartbeatMs });
      } catch (error) {
        watcher.leave();
        throw error;
      }
    },
  });
}
