import { z } from 'zod';
import { SyncError } from '../domain/errors.ts';
import { ALL_IDS, type IdRange, mergeRanges } from '../domain/idRange.ts';
import { JOB_MODES, JOB_STATUSES, type JobPlan } from '../domain/job.ts';

/** Everything that comes in by an address or a small body is read here, once. */

const MAX_LIMIT = 1_000;
/** Ids in one range of checksums: so few that a sum stays below 2^53, and so exact, with 200 types of points each. */
const MAX_SIZE = 10_000;
const MAX_RANGES = 10_000;

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
export const Ranges = z.unknown().transform((value, context): IdRange[] => {
  const problem = Array.isArray(value) ? rangesProblem(value) : PAIRS_RULE;
  const ranges = problem === undefined ? mergeRanges(value as IdRange[]) : [];
  if (problem === undefined && ranges.length <= MAX_RANGES) return ranges;
  context.addIssue(
    problem ?? `must be at most ${MAX_RANGES} once merged, not ${ranges.length}: make them larger`,
  );
  return z.NEVER;
});

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

const PlanQuery = z
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
export function readJobPlan(query: unknown): JobPlan {
  return readQuery(PlanQuery, query);
}

/** The one type of job there is. */
export const JOB_TYPE = 'points-balances';

const NewJob = z
  .object({
    type: z.literal(JOB_TYPE, `must be ${JOB_TYPE}`),
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
  const { type, total, ...plan } = readShape(NewJob, body, 'body');
  return { type, expectedTotal: total, plan };
}

const MAX_PARTS = 100_000;
const COUNT = 'must be a whole number';

const CommitBody = z.object({
  batches: z.int(COUNT).min(0, COUNT).max(MAX_PARTS, `must be at most ${MAX_PARTS}`),
  records: z.int(COUNT).min(0, COUNT),
});

/** How much was sent, before a job in parts starts: `{ "batches": 3, "records": 2500 }`. */
export function readCommit(body: unknown): { batches: number; records: number } {
  return readShape(CommitBody, body, 'body');
}

const PartNumber = wholeNumber({ from: 0, to: MAX_PARTS - 1 });

/** The number of a batch in the address, counted from 0. */
export function readPartNumber(text: unknown): number {
  return readQuery(z.object({ n: PartNumber }), { n: text }).n;
}

const JobsQuery = z.object({
  type: z.string().optional(),
  status: z.enum(JOB_STATUSES, `must be one of ${JOB_STATUSES.join(', ')}`).optional(),
  cursor: z.string().optional(),
  limit: wholeNumber({ from: 1, to: MAX_LIMIT }).default(50),
});

export function readJobsQuery(query: unknown) {
  const { type = null, status = null, cursor = null, limit } = readQuery(JobsQuery, query);
  return { type, status, cursor, limit };
}

const BalancesQuery = z.object({
  after: wholeNumber({ from: 0, to: Number.MAX_SAFE_INTEGER }).default(0),
  limit: wholeNumber({ from: 1, to: MAX_LIMIT }).default(MAX_LIMIT),
  points_type: z.string().optional(),
});

export function readBalancesQuery(query: unknown) {
  const { after, limit, points_type: pointsType = null } = readQuery(BalancesQuery, query);
  return { afterUserId: after, limit, pointsType };
}

const ChecksumsQuery = z
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

const UserId = wholeNumber({ from: 1, to: Number.MAX_SAFE_INTEGER });

export function readUserId(text: unknown): number {
  return readQuery(z.object({ wp_user_id: UserId }), { wp_user_id: text }).wp_user_id;
}

export function readQuery<Shape>(shape: z.ZodType<Shape>, query: unknown): Shape {
  return readShape(shape, query, 'address');
}

export function readShape<Shape>(shape: z.ZodType<Shape>, value: unknown, where: 'address' | 'body'): Shape {
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
    .refine((value) => value >= from && value <= to, rule);
}
