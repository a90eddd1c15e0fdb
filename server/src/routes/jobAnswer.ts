import type { Request, Response } from 'express';
import { type Job, jobAsJson } from '../domain/job.ts';
import type { SyncJobService } from '../services/syncJobService.ts';
import type { Watchers } from '../services/watchers.ts';
import { readJobId, readWait } from './parse.ts';
import { siteOf } from './signIn.ts';

/** Answers with a job, or with 304 where the client has this version of it. The version is the ETag. */
export function answerJob(request: Request, response: Response, job: Job, more: object = {}): void {
  const tag = `"${job.version}"`;
  response.set('etag', tag);
  // Not by Express, which passes over the tag where the client says no-cache as well, as fetch does.
  if (tagsOf(request.get('if-none-match')).includes(tag)) response.status(304).end();
  else response.json({ success: true, job: jobAsJson(job), ...more });
}

/** `status?jobId=…` at once; with `&version=V&wait=25`, when the job is newer than V, or after so many seconds. */
export async function answerStatus(
  request: Request,
  response: Response,
  parts: { jobs: SyncJobService; watchers: Watchers },
): Promise<void> {
  const { siteId } = siteOf(request);
  const jobId = readJobId(request.query.jobId);
  const wait = readWait(request.query);
  const job =
    wait === null
      ? await parts.jobs.find(siteId, jobId)
      : await newerJob(response, { ...parts, ...wait, siteId, jobId });
  answerJob(request, response, job);
}

interface LongPoll {
  jobs: SyncJobService;
  watchers: Watchers;
  siteId: number;
  jobId: string;
  afterVersion: number;
  waitMs: number;
}

/** Also the end of the time, or of the server, is answered with the job as it is. */
async function newerJob(response: Response, poll: LongPoll): Promise<Job> {
  const { jobs, watchers, siteId, jobId, afterVersion, waitMs } = poll;
  const watcher = watchers.enter({ siteId, kind: 'poll' });
  const timer = setTimeout(() => watcher.leave(), waitMs);
  response.once('close', () => watcher.leave());
  try {
    // Past the end too: a retry is a change, and who forgot to stop asking then asks seldom.
    const following = { siteId, jobId, afterVersion, pastEnd: true, signal: watcher.signal };
    for await (const job of jobs.follow(following)) return job;
    // The next request goes to the server that follows.
    if (watcher.stopped) response.set('connection', 'close');
    return await jobs.find(siteId, jobId);
  } finally {
    clearTimeout(timer);
    watcher.leave();
  }
}

/** The tags of If-None-Match. A weak one counts like a strong one here, as HTTP has it. */
function tagsOf(header = ''): string[] {
  return header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
}
