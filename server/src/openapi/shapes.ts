import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../domain/errors.ts';
import { JOB_MOVES, JOB_STATUSES } from '../domain/job.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';

/** What several endpoints carry. A test holds real answers against it: a field too few or too many fails there. */

const count = z.int().min(0);
const time = z.iso.datetime();

export const JobId = z.string().meta({ examples: ['01a20cdc-9b16-7586-bb09-892545e0deeb'] });
export const UserId = z.int().min(1);
export const Success = { success: z.literal(true) };

export const Job = z.strictObject({
  jobId: JobId,
  type: z.enum(JOB_TYPES.map(({ name }) => name)),
  status: z.enum(JOB_STATUSES),
  progress: z.int().min(0).max(100).describe('Whole percent; 100 only when completed.'),
  processed: count.describe('Records settled so far.'),
  total: count.describe('Records in the job.'),
  inserted: count,
  updated: count,
  unchanged: count,
  rejected: count.describe('inserted + updated + unchanged + rejected = processed, in every state.'),
  stepMessage: z.string().describe('One short sentence for a person.'),
  error: z
    .strictObject({ code: z.enum(Object.keys(ERRORS) as ErrorCode[]), message: z.string() })
    .nullable()
    .describe('What made the job fail.'),
  result: z
    .strictObject({
      success: z.literal(true),
      message: z.string(),
      count: count.describe('Records accepted: inserted + updated + unchanged.'),
      removed: count.optional().describe('Balances that a snapshot removed.'),
    })
    .nullable()
    .describe('Null until completed.'),
  attempt: z.int().min(1),
  version: z.int().min(1).describe('Grows with every change: drop what is older than what you have.'),
  etaSeconds: count.nullable().describe('Null while it can’t be known.'),
  createdAt: time,
  startedAt: time.nullable(),
  updatedAt: time,
  completedAt: time.nullable(),
});
/** As the operator sees it, among those of all sites. */
export const PlacedJob = Job.extend({ site: z.strictObject({ siteId: z.int().min(1), url: z.string() }) });

export const Reject = z.strictObject({
  index: count.describe('Place in the body, from 0.'),
  wp_user_id: UserId.nullable(),
  code: z.enum(JOB_TYPES.flatMap(({ rejectCodes }) => rejectCodes)),
  message: z.string(),
});

export const AuditEntry = z.strictObject({
  at: time,
  event: z.enum([
    'created',
    'committed',
    'mended',
    ...(Object.keys(JOB_MOVES) as (keyof typeof JOB_MOVES)[]),
  ]),
  actor: z.string(),
  ip: z.string().nullable(),
  attempt: z.int().min(1),
  detail: z.string().nullable(),
});

/** What one attempt did; the counts are its own alone. */
export const Attempt = z.strictObject({
  attempt: z.int().min(1),
  startedAt: time,
  endedAt: time.nullable(),
  outcome: z.enum(['running', 'postponed', 'interrupted', 'completed', 'failed', 'cancelled']),
  reason: z.string().nullable(),
  inserted: count,
  updated: count,
  unchanged: count,
  rejected: count,
});

export const Site = z.strictObject({
  siteId: z.int().min(1),
  url: z.string().describe('Its address, or default for the key in ARTLY_API_SECRET.'),
  createdAt: time,
  revokedAt: time.nullable().describe('When its keys ended; null while one holds.'),
  lastSeenAt: time.nullable().describe('When it last signed in, to the minute.'),
});

export const Balance = z.strictObject({
  wp_user_id: UserId,
  email: z.string(),
  points_type: z.string(),
  points_balance: z
    .number()
    .describe('Exact, digit by digit: one with more than 15 is more than a double can hold.'),
});

const digits = (what: string) => z.string().describe(`${what} as text, as PHP and MySQL give it.`);

/** A record as it is sent. Its rules are those of `readPointsBalance`: a wrong one is rejected alone. */
export const PointsBalance = z.object({
  wp_user_id: z.union([UserId, digits('The id')]),
  email: z.string().max(254).optional().describe('Needed, unless deleted.'),
  points_balance: z
    .union([z.number(), digits('The balance')])
    .optional()
    .describe('Up to 4 decimals, kept exactly, negative allowed. Needed, unless deleted.'),
  points_type: z.string().min(1).max(64).nullable().optional().describe('points where it is left out.'),
  deleted: z.boolean().nullable().optional().describe('true removes the balance of that member and type.'),
});

const NAMED = { Job, PlacedJob, Reject, AuditEntry, Attempt, Site, Balance, PointsBalance };
for (const [id, shape] of Object.entries(NAMED)) z.globalRegistry.add(shape, { ...shape.meta(), id });

/** All named shapes, each with whether it comes in or goes out. */
export const NAMED_SHAPES = Object.entries(NAMED).map(([id, shape]) => ({
  id,
  shape,
  io: shape === PointsBalance ? ('input' as const) : ('output' as const),
}));
