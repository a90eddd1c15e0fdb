import type { Job } from './api.ts';

/** One of the things that the dashboard shows. */
export interface View {
  readonly title: string;
  /** Which entry of the menu it belongs to. */
  readonly menu: 'jobs' | 'activity' | 'sites';
  readonly root: HTMLElement;
  /** These jobs have changed. */
  jobs?(jobs: Job[]): void;
  /** Something may have changed that was not told: read anew. */
  reload?(): void;
  /** Some seconds have passed: times like "2 min ago" are to be told anew. */
  tick?(): void;
  close?(): void;
}
