import type { Attempt as TimedAttempt } from '../domain/auditTrail.ts';
import type { jobAsJson } from '../domain/job.ts';

/** The operator's API as the dashboard speaks to it; docs/api.md has all of it. */

export type Job = ReturnType<typeof jobAsJson> & { site: { siteId: number; url: string } };
export type Status = Job['status'];

export interface JobPage {
  jobs: Job[];
  nextCursor: string | null;
}

export interface AuditEntry {
  at: string;
  event: string;
  actor: string;
  ip: string | null;
  attempt: number;
  detail: string | null;
}

export interface Attempt extends Omit<TimedAttempt, 'startedAt' | 'endedAt'> {
  startedAt: string;
  endedAt: string | null;
}

export interface Sample {
  attempt: number;
  at: string;
  processed: number;
}

export interface WholeJob {
  job: Job;
  retryable: boolean;
  rejectsRetryable: boolean;
  audit: AuditEntry[];
  attempts: Attempt[];
  samples: Sample[];
}

export interface Reject {
  index: number;
  wp_user_id: number | null;
  code: string;
  message: string;
}

export interface Step {
  at: string;
  completed: number;
  failed: number;
  cancelled: number;
  records: number;
  rejected: number;
}

export interface Site {
  siteId: number;
  url: string;
  createdAt: string;
  revokedAt: string | null;
  lastSeenAt: string | null;
}

export interface SitePage {
  sites: Site[];
  nextCursor: string | null;
}

export interface Overview {
  pending: number;
  running: number;
  hasSites: boolean;
  /** The types of jobs there are. */
  types: string[];
}

/** How much of a site one call has deleted, and whether to call again. */
export interface Removal {
  dropped: { jobs: number; balances: number; records: number };
  more: boolean;
}

/** The server did not do what was asked; the message is for the person. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const SILENT = 'The server does not answer: look whether it runs, and try again.';

export async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const sent = method === 'GET' ? {} : { headers: { 'content-type': 'application/json' } };
  const response = await fetch(path, {
    method,
    credentials: 'same-origin',
    ...sent,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Refusal('SILENT', SILENT);
  });
  const answer = await response.json().catch(() => {
    throw new Refusal('SILENT', SILENT);
  });
  if (answer.success === true) return answer;
  throw new Refusal(answer.error, answer.message);
}

export function get<Answer>(path: string, query: Record<string, string | null> = {}): Promise<Answer> {
  const set = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const search = new URLSearchParams(set).toString();
  return call('GET', search === '' ? path : `${path}?${search}`);
}

/** The first rejected records of a job. */
export async function firstRejects(jobId: string, limit: number): Promise<Reject[]> {
  const response = await fetch(`/operator/jobs/${jobId}/rejects?format=ndjson&limit=${limit}`);
  if (!response.ok) throw new Refusal('SILENT', SILENT);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}
