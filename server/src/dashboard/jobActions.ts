import { call, type Job } from './api.ts';
import { confirmed } from './dialogs.ts';
import { counted, siteName } from './format.ts';

export function hasEnded({ status }: Pick<Job, 'status'>): boolean {
  return status !== 'pending' && status !== 'running';
}

export function cancelJob({ jobId, site, type }: Job): Promise<void> {
  return confirmed({
    title: 'Cancel this job?',
    text: `The ${type} job of ${siteName(site.url)} stops where it stands. What was applied stays.`,
    doIt: 'Cancel the job',
    keep: 'Let it run',
    work: async () => (await call<{ message: string }>('POST', `/operator/jobs/${jobId}/cancel`)).message,
  });
}

/** The rejected records become a job of their own: its jobId, where that was wanted. */
export async function retryRejects({ jobId, rejected }: Job): Promise<string | undefined> {
  let started: string | undefined;
  await confirmed({
    title: 'Try the rejected records again?',
    text: `${counted(rejected, 'rejected record')} of this job: those that are still kept are read again as they were sent, as a job of their own. It helps where the cause was on this server.`,
    doIt: 'Try them again',
    keep: 'Leave them',
    work: async () => {
      const path = `/operator/jobs/${jobId}/retry`;
      const answer = await call<{ jobId: string; message: string }>('POST', path, { only: 'rejected' });
      started = answer.jobId;
      return answer.message;
    },
  });
  return started;
}

export function retryJob({ jobId, site, type }: Job): Promise<void> {
  return confirmed({
    title: 'Try this job again?',
    text: `The ${type} job of ${siteName(site.url)} starts from its first record. What a newer job brought is not overwritten.`,
    doIt: 'Try it again',
    keep: 'Leave it',
    work: async () => (await call<{ message: string }>('POST', `/operator/jobs/${jobId}/retry`)).message,
  });
}
