import { z } from 'zod';
import { SyncError } from '../domain/errors.ts';
import { ALL_IDS, type IdRange, mergeRanges } from '../domain/idRange.ts';
import { JOB_MODES, JOB_STATUSES, type JobPlan } from '../domain/job.ts';
import type { JobType } from '../jobTypes/jobType.ts';
import { JOB_TYPES, jobTypeNamed } from '../jobTypes/jobTypes.ts';
import { pointsBalances } from '../jobTypes/pointsBalances.ts';

/** Everything that comes in by an address or a small body is read here, once. */

const MAX_LIMIT = 1_000;
/** Ids in one range of checksums: so few that a sum stays below 2^53, and so exact, with 200 types of points each. */
const MAX_SIZE = 10_000;
const MAX_RANGES = 10_000;
/** What a client is told of ranges; their rules are functions. */
const RANGES_SCHEMA = {
  type: 'array',
  minItems: 1,
  items: { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 2, maxItems: 2 },
};

/** The `jobId` of `?jobId=…` or of `{ "jobId": … }`. */
export function readJobId(value: unknown): string {
  if (value === undefined || value === null || value === '') {
    throw new SyncError('JOB_ID_MISSING', 'jobId is missing: give the jobId that the start answered with.');
  }
  if (Array.isArray(value)) {
    throw new SyncError('JOB_ID_REPEATED', 'jobId is given more than once: give one.');
  }
  if (typeof value !== 'string') {
    throw new SyncError(
      'JOB_ID_INVALID',
      'jobId must be a text: give the jobId that the start answered with.',
    );
  }
  return value;
}

/** The header Idempotency-Key, or null where there is none. */
export function readIdempotencyKey(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (/^[\x20-\x7e]{1,255}$/.test(value)) return value;
  throw new SyncError(
    'IDEMPOTENCY_KEY_INVALID',
    'Idempotency-Key must have 1 to 255 plain characters, like a UUID.',
  );
}

/**
 * Ranges of ids as pairs, both ids included; 0 may begin one, as it does among the checksums. Gives them merged. Only
 * the first problem is told: there might be thousands.
 */
export const Ranges = z
  .unknown()
  .transform((value, context): IdRange[] => {
    const problem = Array.isArray(value) ? rangesProblem(value) : PAIRS_RULE;
    const ranges = problem === undefined ? mergeRanges(value as IdRange[]) : [];
    if (problem === undefined && ranges.length <= MAX_RANGES) return ranges;
    context.addIssue(
      problem ?? `must be at most ${MAX_RANGES} once merged, not ${ranges.length}: make them larger`,
    );
    return z.NEVER;
  })
  .meta(RANGES_SCHEMA);

const PAIRS_RULE = 'must be pairs of ids like [[1000, 1999], [5000, 5999]]';

function rangesProblem(pairs: unknown[]): string | undefined {
  if (pairs.length === 0) return 'must have at least one range, or be left out';
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return PAIRS_RULE;
    const [from, to] = pair;
    if (!isRangeEnd(from) || !isRangeEnd(to)) return `must be of whole numbers from 0 to ${ALL_IDS[1]}`;
    if (from > to) return `must not end before they begin, as ${from}-${to} does`;
  }
  return undefined;
}

function isRangeEnd(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The same in an address: `1000-1999,5000-5999`. */
const RangesText = z
  .string('must be given once, like 1000-1999,5000-5999')
  .regex(/^\d{1,16}-\d{1,16}(,\d{1,16}-\d{1,16})*$/, 'must be like 1000-1999,5000-5999')
  .transform((text): unknown => text.split(',').map((range) => range.split('-').map(Number)))
  .pipe(Ranges);

const RANGES_NEED_SNAPSHOT = { path: ['ranges'], message: 'need mode=snapshot: a merge removes nothing' };

export const PlanQuery = z
  .object({
    mode: z.enum(JOB_MODES, `must be one of ${JOB_MODES.join(', ')}`).default('merge'),
    confirmRemoval: z
      .enum(['true', 'false'], 'must be true or false')
      .default('false')
      .transform((text) => text === 'true'),
    ranges: RangesText.nullable().default(null),
  })
  .refine(hasRangesInSnapshotOnly, RANGES_NEED_SNAPSHOT);

function hasRangesInSnapshotOnly({ mode, ranges }: Pick<JobPlan, 'mode' | 'ranges'>): boolean {
  return ranges === null || mode === 'snapshot';
}

/** How a job is meant: `?mode=snapshot&ranges=1000-1999,5000-5999&confirmRemoval=true`. */
export function readJobPlan(query: unknown, type: JobType): JobPlan {
  return planFor(type, readQuery(PlanQuery, query), 'address');
}

/** The plan, if jobs of this type can have it: only balances are removed. */
function planFor(type: JobType, plan: JobPlan, where: 'address' | 'body'): JobPlan {
  if (type === pointsBalances || (plan.mode === 'merge' && !plan.confirmRemoval)) return plan;
  const message = `Wrong in the ${where}: mode=snapshot, ranges and confirmRemoval are for points-balances, as ${type.records} are never removed: leave them out.`;
  throw new SyncError('INVALID_PARAMETER', message);
}

const TYPE_RULE = `must be one of ${JOB_TYPES.map(({ name }) => name).join(', ')}`;

export const NewJob = z
  .object({
    type: z.string(TYPE_RULE),
    total: z
      .int('must be a whole number above 0')
      .min(1, 'must be a whole number above 0')
      .nullable()
      .default(null),
    mode: z.enum(JOB_MODES, `must be one of ${JOB_MODES.join(', ')}`).default('merge'),
    confirmRemoval: z.boolean('must be true or false').default(false),
    ranges: Ranges.nullable().default(null),
  })
  .refine(hasRangesInSnapshotOnly, RANGES_NEED_SNAPSHOT);

/** What a job that comes in parts is to be: `{ "type": "points-balances", "total": 5000, "mode": "snapshot" }`. */
export function readNewJob(body: unknown) {
  const { type: name, total, ...plan } = readShape(NewJob, body, 'body');
  const type = jobTypeNamed(name);
  return { type: type.name, expectedTotal: total, plan: planFor(type, plan, 'body') };
}

export const RetryBody = z
  .object({
    only: z.literal('rejected', 'must be rejected, or left out').optional(),
    records: z
      .array(
        z.object({
          index: z.int('must be a whole number').min(0, 'must be 0 or more'),
          record: z.unknown().refine((record) => record !== undefined, 'is missing'),
        }),
        'must be a list like [{ "index": 3, "record": { … } }]',
      )
      .default([]),
  })
  .refine(({ only, records }) => only !== undefined || records.length === 0, {
    path: ['records'],
    message: 'need "only": "rejected"',
  });

/** What to try again: all, or `{ "only": "rejected" }`, with records that were mended, by their index in the job. */
export function readRetry(body: unknown) {
  const { only, records } = readShape(RetryBody, body, 'body');
  return { only, mended: new Map(records.map(({ index, record }) => [index, record])) };
}

const MAX_PARTS = 100_000;
const COUNT = 'must be a whole number';

export const CommitBody = z.object({
  batches: z.int(COUNT).min(0, COUNT).max(MAX_PARTS, `must be at most ${MAX_PARTS}`),
  records: z.int(COUNT).min(0, COUNT),
});

/** How much was sent, before a job in parts starts: `{ "batches": 3, "records": 2500 }`. */
export function readCommit(body: unknown): { batches: number; records: number } {
  return readShape(CommitBody, body, 'body');
}

export const PartNumber = wholeNumber({ from: 0, to: MAX_PARTS - 1 });

/** The number of a batch in the address, counted from 0. */
export function readPartNumber(text: unknown): number {
  return readQuery(z.object({ n: PartNumber }), { n: text }).n;
}

export const JobsQuery = z.object({
  type: z.string().optional(),
  status: z.enum(JOB_STATUSES, `must be one of ${JOB_STATUSES.join(', ')}`).optional(),
  cursor: z.string().optional(),
  limit: wholeNumber({ from: 1, to: MAX_LIMIT }).default(50),
});

export function readJobsQuery(query: unknown) {
  const { type, status = null, cursor = null, limit } = readQuery(JobsQuery, query);
  return { type: type === undefined ? null : jobTypeNamed(type).name, status, cursor, limit };
}

/** How long an answer may wait for a change, in seconds: proxies cut off what is silent for longer than 30. */
const LONGEST_WAIT = 25;
const Version = wholeNumber({ from: 0, to: Number.MAX_SAFE_INTEGER });

export const StatusQuery = z
  .object({ version: Version.optional(), wait: wholeNumber({ from: 1, to: LONGEST_WAIT }).optional() })
  .refine(({ version, wait }) => wait === undefined || version !== undefined, {
    path: ['wait'],
    message: 'needs version: the version of the job that you have, or 0',
  });

/** What to wait for, and how long; null where the answer is to come at once. */
export function readWait(query: unknown): { afterVersion: number; waitMs: number } | null {
  const { version = 0, wait } = readQuery(StatusQuery, query);
  return wait === undefined ? null : { afterVersion: version, waitMs: wait * 1000 };
}

/** The version that a watcher has: from its last event where it comes again, else as its address says. */
export function readLastVersion(query: unknown, lastEventId: string | undefined): number {
  const { version } = readQuery(z.object({ version: Version.default(0) }), query);
  if (lastEventId === undefined || lastEventId === '') return version;
  const header = z.object({ 'Last-Event-ID': Version });
  return readShape(header, { 'Last-Event-ID': lastEventId }, 'header')['Last-Event-ID'];
}

export const BalancesQuery = z.object({
  after: wholeNumber({ from: 0, to: Number.MAX_SAFE_INTEGER }).default(0),
  limit: wholeNumber({ from: 1, to: MAX_LIMIT }).default(MAX_LIMIT),
  points_type: z.string().optional(),
});

export function readBalancesQuery(query: unknown) {
  const { after, limit, points_type: pointsType = null } = readQuery(BalancesQuery, query);
  return { afterUserId: after, limit, pointsType };
}

export const RecordsQuery = BalancesQuery.omit({ points_type: true });
export const MemberRecordsQuery = RecordsQuery.extend({
  wp_user_id: wholeNumber({ from: 1, to: Number.MAX_SAFE_INTEGER }),
});

/** A page of the records of a type; some are read member by member. */
export function readRecordsQuery(query: unknown, { byMember }: { byMember: boolean }) {
  if (!byMember) return { ...readQuery(RecordsQuery, query), wpUserId: null };
  const { wp_user_id: wpUserId, ...page } = readQuery(MemberRecordsQuery, query);
  return { ...page, wpUserId };
}

export const ChecksumsQuery = z
  .object({
    size: wholeNumber({ from: 1, to: MAX_SIZE }).default(1_000),
    points_type: z.string().optional(),
    from: wholeNumber({ from: 0, to: ALL_IDS[1] }).default(ALL_IDS[0]),
    to: wholeNumber({ from: 0, to: ALL_IDS[1] }).default(ALL_IDS[1]),
    ranges: RangesText.optional(),
  })
  .refine(({ from, to }) => from <= to, { path: ['to'], message: 'must not be less than from' });

export function readChecksumsQuery(query: unknown) {
  const { size, points_type: pointsType = null, from, to, ranges } = readQuery(ChecksumsQuery, query);
  const within = (ranges ?? [ALL_IDS])
    .filter((range) => range[1] >= from && range[0] <= to)
    .map((range): IdRange => [Math.max(range[0], from), Math.min(range[1], to)]);
  return { size, pointsType, ranges: within };
}

export const UserIdText = wholeNumber({ from: 1, to: Number.MAX_SAFE_INTEGER });

export function readUserId(text: unknown): number {
  return readQuery(z.object({ wp_user_id: UserIdText }), { wp_user_id: text }).wp_user_id;
}

export function readQuery<Shape>(shape: z.ZodType<Shape>, query: unknown): Shape {
  return readShape(shape, query, 'address');
}

export function readShape<Shape>(
  shape: z.ZodType<Shape>,
  value: unknown,
  where: 'address' | 'header' | 'body',
): Shape {
  const reading = shape.safeParse(value);
  if (reading.success) return reading.data;
  const problems = reading.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new SyncError('INVALID_PARAMETER', `Wrong in the ${where}: ${problems.join('; ')}.`);
}

export function wholeNumber({ from, to }: { from: number; to: number }) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return z
    .string(rule)
    .regex(/^\d{1,16}$/, rule)
    .transform(Number)
    .refine((value) => value >= from && value <= to, rule)
    .meta({ type: 'integer', minimum: from, maximum: to });
}
