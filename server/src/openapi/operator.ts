import { z } from 'zod';
import type { ErrorCode } from '../domain/errors.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import { ActivityQuery, TokenBody } from '../routes/operatorParse.ts';
import {
  type Answer,
  answer,
  answerOf,
  errorAnswers,
  jsonBody,
  OBJECT_ERRORS,
  type Paths,
  queryParameters,
  type Security,
  STORAGE_ERRORS,
} from './operation.ts';
import { Success } from './shapes.ts';

const tags = ['Operator'];
const count = z.int().min(0);

/** Whoever signs in, or asks whether he is, need not be signed in. */
const open = { tags, security: [] as Security };
/** The token, as a script sends it, or the cookie, as the dashboard does. */
export const SIGNED_IN: { security: Security } = {
  security: [{ operatorToken: [] }, { operatorSession: [] }],
};

/** Whatever the operator asks. */
export const OPERATOR_ERRORS: ErrorCode[] = [
  'DASHBOARD_OFF',
  'NOT_SIGNED_IN',
  'WRONG_TOKEN',
  'TOO_MANY_TRIES',
  'INVALID_PARAMETER',
  ...STORAGE_ERRORS,
];
/** Whatever the operator changes: see requireOwnPage in routes/operatorGuard.ts. */
export const OPERATOR_CHANGE_ERRORS: ErrorCode[] = [
  ...OPERATOR_ERRORS,
  'CROSS_SITE',
  'UNSUPPORTED_MEDIA_TYPE',
];

/** Whether someone is signed in, and until when. */
const Session = z.strictObject({
  ...Success,
  signedIn: z.boolean(),
  expiresAt: z.iso.datetime().nullable(),
});
const SIGNED_OUT = { success: true, signedIn: false, expiresAt: null };

function cookieAnswer(description: string, example: unknown): Answer {
  const { headers, ...rest } = answer(description, Session, example);
  return { ...rest, headers: { ...headers, 'Set-Cookie': { $ref: '#/components/headers/OperatorCookie' } } };
}

const sessionPaths: Paths = {
  '/operator/session': {
    post: {
      ...open,
      operationId: 'signIn',
      summary: 'Signs the operator in, for a page in a browser',
      description:
        'A script needs no session: it sends the token with each request. Wrong tokens are counted, by address and in all; then every token is refused for the seconds in `Retry-After`.',
      requestBody: jsonBody(TokenBody, { token: 'the-token-of-the-operator' }),
      responses: {
        200: cookieAnswer('The session holds for 12 hours.', {
          success: true,
          signedIn: true,
          expiresAt: '2026-05-17T03:56:12.666Z',
        }),
        ...errorAnswers(
          'DASHBOARD_OFF',
          'CROSS_SITE',
          'WRONG_TOKEN',
          'TOO_MANY_TRIES',
          'INVALID_PARAMETER',
          ...OBJECT_ERRORS,
          'INTERNAL',
        ),
      },
    },
    get: {
      ...open,
      operationId: 'readSession',
      summary: 'Tells whether a browser is signed in',
      responses: {
        200: answer('By its cookie.', Session, SIGNED_OUT),
        ...errorAnswers('DASHBOARD_OFF', 'INTERNAL'),
      },
    },
    delete: {
      ...open,
      operationId: 'signOut',
      summary: 'Signs a browser out',
      responses: {
        200: cookieAnswer('It has no session any more.', SIGNED_OUT),
        ...errorAnswers('DASHBOARD_OFF', 'CROSS_SITE', 'INTERNAL'),
      },
    },
  },
};

const TYPES = JOB_TYPES.map(({ name }) => name);
const Overview = z.strictObject({
  ...Success,
  pending: count,
  running: count,
  hasSites: z.boolean(),
  types: z.array(z.enum(TYPES)),
});

const Activity = z.strictObject({
  ...Success,
  steps: z.array(
    z.strictObject({
      at: z.iso.datetime().describe('When the step begins.'),
      completed: count,
      failed: count,
      cancelled: count,
      records: count.describe('Records settled in the jobs that ended.'),
      rejected: count.describe('Those of them that were rejected.'),
    }),
  ),
});

const watchingPaths: Paths = {
  '/operator/overview': {
    get: {
      tags,
      ...SIGNED_IN,
      operationId: 'readOverview',
      summary: 'Counts what waits and runs',
      responses: {
        200: answer('Jobs of all sites.', Overview, {
          success: true,
          pending: 0,
          running: 0,
          hasSites: true,
          types: TYPES,
        }),
        ...errorAnswers(...OPERATOR_ERRORS),
      },
    },
  },
  '/operator/activity': {
    get: {
      tags,
      ...SIGNED_IN,
      operationId: 'readActivity',
      summary: 'Counts what ended, over time',
      parameters: queryParameters(ActivityQuery, {
        site: 'Only jobs of this site, by its `siteId`.',
        from: 'When the first step begins.',
        to: 'When the last step ends; itself not included.',
        step: 'How long each step is; there may be 1,000 of them.',
      }),
      responses: {
        200: answer('Every step in turn, also those in which nothing ended.', Activity),
        ...errorAnswers(...OPERATOR_ERRORS),
      },
    },
  },
  '/operator/events': {
    get: {
      tags,
      ...SIGNED_IN,
      operationId: 'watchAllJobs',
      summary: 'Watches all jobs by server-sent events',
      description:
        '`ready` comes first. `jobs` brings the newest of each job that changed, at most every 200 ms, as `{ "jobs": [ … ] }`. `missed` says that more may have changed than was told: read the lists anew. A comment every 15 seconds says that the connection lives. It ends with the session.',
      responses: {
        200: answerOf('The stream.', {
          'text/event-stream': {
            schema: { type: 'string', description: 'Each of `jobs` is a PlacedJob.' },
            example: 'retry: 1000\n\nevent: ready\ndata: {}\n\n',
          },
        }),
        ...errorAnswers(...OPERATOR_ERRORS),
      },
    },
  },
};

/** The operator's sign-in, and what all sites do: see routes/operator.ts. */
export const operatorPaths: Paths = { ...sessionPaths, ...watchingPaths };
