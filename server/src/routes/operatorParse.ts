import { z } from 'zod';
import { JOB_STATUSES, type JobStatus } from '../domain/job.ts';
import type { JobsQuery } from '../services/operatorService.ts';
import { readQuery, readShape, wholeNumber } from './parse.ts';

/** Everything that the operator's API takes by an address or a small body is read here, once. */

const MAX_LIMIT = 200;
const MAX_STEPS = 1_000;
const STEP_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const END_OF_TIME = Number.MAX_SAFE_INTEGER;

const Time = z.iso
  .datetime({ offset: true, error: 'must be a time like 2026-05-17T09:30:00Z' })
  .transform((text) => Date.parse(text));
export const SiteId = wholeNumber({ from: 1, to: 2_147_483_647 });
const Limit = wholeNumber({ from: 1, to: MAX_LIMIT }).default(50);

const STATUS_RULE = `must be one or more of ${JOB_STATUSES.join(',')}`;
const STATUS = `(${JOB_STATUSES.join('|')})`;
const Statuses = z
  .string(STATUS_RULE)
  .regex(new RegExp(`^${STATUS}(,${STATUS})*$`), STATUS_RULE)
  .transform((text) => [...new Set(text.split(','))] as JobStatus[]);

const CURSOR_RULE = 'is unknown: give the nextCursor of an answer, or leave it out';
const Cursor = z
  .string(CURSOR_RULE)
  .regex(/^\d{1,15}-\d{1,15}$/, CURSOR_RULE)
  .transform((text) => {
    const [createdAt = 0, jobSeq = 0] = text.split('-').map(Number);
    return { createdAt, jobSeq };
  });

export const PlacedJobsQuery = z.object({
  site: SiteId.nullable().default(null),
  type: z.string('must be given once').optional(),
  status: Statuses.optional(),
  from: Time.optional(),
  to: Time.optional(),
  cursor: Cursor.nullable().default(null),
  limit: Limit,
});

/** `?site=3&type=points-balances&status=failed,cancelled&from=…&to=…&cursor=…&limit=50`, each where wished. */
export function readJobsQuery(query: unknown): JobsQuery {
  const {
    site,
    type = null,
    status = JOB_STATUSES,
    from = 0,
    to = END_OF_TIME,
    cursor,
    ...rest
  } = readQuery(PlacedJobsQuery, query);
  return { ...rest, siteId: site, type, statuses: status, from, to, before: cursor };
}

export function cursorOf(place: JobsQuery['before']): string | null {
  return place === null ? null : `${place.createdAt}-${place.jobSeq}`;
}

export const ActivityQuery = z
  .object({
    site: SiteId.nullable().default(null),
    from: Time,
    to: Time,
    step: z.enum(['minute', 'hour', 'day'], 'must be minute, hour or day'),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be after from' })
  .refine(({ from, to, step }) => (to - from) / STEP_MS[step] <= MAX_STEPS, {
    path: ['step'],
    message: `is too small for this time: there may be ${MAX_STEPS} steps`,
  });

/** `?from=…&to=…&step=hour`, and `site=3` where wished. */
export function readActivityQuery(query: unknown) {
  const { site, from, to, step } = readQuery(ActivityQuery, query);
  return { siteId: site, from, to, stepMs: STEP_MS[step] };
}

export const SitesQuery = z.object({
  search: z.string('must be given once').max(200, 'must have at most 200 characters').optional(),
  cursor: z.string('must be given once').optional(),
  limit: Limit,
});

export function readSitesQuery(query: unknown) {
  const { search = '', cursor = '', limit } = readQuery(SitesQuery, query);
  return { search: search.trim(), after: cursor, limit };
}

export function readSiteId(text: unknown): number {
  return readQuery(z.object({ siteId: SiteId }), { siteId: text }).siteId;
}

const FORMAT_RULE = 'must be ndjson or csv';
export const RejectsQuery = z.object({
  format: z.enum(['ndjson', 'csv'], FORMAT_RULE).optional(),
  limit: wholeNumber({ from: 1, to: Number.MAX_SAFE_INTEGER }).optional(),
});

export function readRejectsQuery(query: unknown) {
  const { format, limit = Number.POSITIVE_INFINITY } = readQuery(RejectsQuery, query);
  return { format, limit };
}

const TOKEN_RULE = 'must be the value of ARTLY_ADMIN_TOKEN';
export const TokenBody = z.object({ token: z.string(TOKEN_RULE).min(1, TOKEN_RULE) });

export function readToken(body: unknown): string {
  return readShape(TokenBody, body, 'body').token;
}

const URL_RULE = 'must be the address of the site, like https://shop.example';
export const SiteBody = z.object({ url: z.string(URL_RULE).trim().min(1, URL_RULE) });

export function readSiteUrl(body: unknown): string {
  return readShape(SiteBody, body, 'body').url;
}
