import { z } from 'zod';
import { SyncError } from '../domain/errors.ts';
import { JOB_MODES, JOB_STATUSES, type JobPlan } from '../domain/job.ts';

/** Everything that comes in by an address or a small body is read here, once. */

const MAX_LIMIT = 1_000;

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

const PlanQuery = z.object({
  mode: z.enum(JOB_MODES, `must be one of ${JOB_MODES.join(', ')}`).default('merge'),
  confirmRemoval: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .transform((text) => text === 'true'),
});

/** How a job is meant: `?mode=snapshot&confirmRemoval=true`. */
export function readJobPlan(query: unknown): JobPlan {
  return readQuery(PlanQuery, query);
}

/** The one type of job there is. */
export const JOB_TYPE = 'points-balances';

const NewJob = z.object({
  type: z.literal(JOB_TYPE, `must be ${JOB_TYPE}`),
  total: z
    .int('must be a whole number above 0')
    .min(1, 'must be a whole number above 0')
    .nullable()
    .default(null),
  mode: z.enum(JOB_MODES, `must be one of ${JOB_MODES.join(', ')}`).default('merge'),
  confirmRemoval: z.boolean('must be true or false').default(false),
});

/** What a job that comes in parts is to be: `{ "type": "points-balances", "total": 5000, "mode": "snapshot" }`. */
export function readNewJob(body: unknown) {
  const { type, total, mode, confirmRemoval } = readShape(NewJob, body, 'body');
  return { type, expectedTotal: total, plan: { mode, confirmRemoval } };
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

const UserId = wholeNumber({ from: 1, to: Number.MAX_SAFE_INTEGER });

export function readUserId(text: unknown): number {
  return readQuery(z.object({ wp_user_id: UserId }), { wp_user_id: text }).wp_user_id;
}

function readQuery<Shape>(shape: z.ZodType<Shape>, query: unknown): Shape {
  return readShape(shape, query, 'address');
}

function readShape<Shape>(shape: z.ZodType<Shape>, value: unknown, where: 'address' | 'body'): Shape {
  const reading = shape.safeParse(value);
  if (reading.success) return reading.data;
  const problems = reading.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new SyncError('INVALID_PARAMETER', `Wrong in the ${where}: ${problems.join('; ')}.`);
}

function wholeNumber({ from, to }: { from: number; to: number }) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return z
    .string(rule)
    .regex(/^\d{1,16}$/, rule)
    .transform(Number)
    .refine((value) => value >= from && value <= to, rule);
}
