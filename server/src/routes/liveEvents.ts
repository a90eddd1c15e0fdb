import type { Request, Response } from 'express';
import { hasEnded } from '../domain/job.ts';
import { EventStream } from './eventStream.ts';
import { jobEvent } from './jobText.ts';
import type { LiveParts } from './live.ts';
import { liveAccess, requireTicketFor } from './liveAccess.ts';
import { readJobId, readLastVersion } from './parse.ts';

/** Clients of a server that stops come again at different moments, to the one that follows it. */
const COME_AGAIN_MS = { from: 1_000, spread: 2_000 };

/** The job as it is and every change of it, as server-sent events, to its end. */
export async function answerEvents(request: Request, response: Response, parts: LiveParts): Promise<void> {
  const jobId = readJobId(request.params.jobId);
  const access = await liveAccess(request, response, parts);
  requireTicketFor(access, jobId);
  const afterVersion = readLastVersion(request.query, request.get('last-event-id'));
  const watcher = parts.watchers.enter({ siteId: access.siteId, kind: 'events' });
  response.once('close', () => watcher.leave());
  try {
    const job = await parts.jobs.find(access.siteId, jobId);
    if (hasEnded(job.status) && job.version <= afterVersion) {
      // Browsers come again whenever a stream ends, but after this answer.
      response.status(204).end();
      return;
    }
    // Who left meanwhile may have done so before anybody listened for that.
    if (request.socket.destroyed) return;
    const { siteId } = access;
    const stream = new EventStream(response, parts.watchers);
    if (request.method === 'HEAD') return stream.end();
    for await (const version of parts.jobs.follow({ siteId, jobId, afterVersion, signal: watcher.signal })) {
      await stream.send(jobEvent(version));
    }
    const { from, spread } = COME_AGAIN_MS;
    stream.end(watcher.stopped ? { comeAgainMs: Math.round(from + Math.random() * spread) } : {});
  } finally {
    watcher.leave();
  }
}
