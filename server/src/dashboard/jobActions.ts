import { call, type Job } from './api.ts';
import { confirmed } from './dialogs.ts';
import { siteName } from './format.ts';

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

export function retryJob({ jobId, site, type }: Job): Promise<void> {
  return confirmed({
    title: 'Try this job again?',
    text: `The ${type} job of ${siteName(site.url)} starts from its first record. What a newer job brought is not overwritten.`,
    doIt: 'Try it again',
    keep: 'Leave it',
    work: async () => (await call<{ message: string }>('POST', `/operator/jobs/${jobId}/retry`)).message,
  });
}
