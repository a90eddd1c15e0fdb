import { z } from 'zod';
import { SyncError } from '../domain/errors.ts';
import { JOB_MODES, JOB_STATUSES, type JobPlan } from '../domain/job.ts';

/** Everything that comes in by an address is read here, once. */

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
  const reading = shape.safeParse(query);
  if (reading.success) return reading.data;
  const problems = reading.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new SyncError('INVALID_PARAMETER', `Wrong in the address: ${problems.join('; ')}.`);
}

function wholeNumber({ from, to }: { from: number; to: number }) {
  const rule = `must be a whole number from ${from} to ${to}`;
  return z
    .string(rule)
    .regex(/^\d{1,16}$/, rule)
    .transform(Number)
    .refine((value) => value >= from && value <= to, rule);
}
