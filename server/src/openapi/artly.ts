import { z } from 'zod';
import type { ErrorCode } from '../domain/errors.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import { PlanQuery, StatusQuery } from '../routes/parse.ts';
import {
  answer,
  emptyAnswer,
  errorAnswers,
  jsonBody,
  OBJECT_ERRORS,
  type Operation,
  type Parameter,
  type Paths,
  pathParameter,
  queryParameters,
  RECORDS_ERRORS,
  SITE_ERRORS,
  schemaOf,
} from './operation.ts';
import { OTHER_RECORDS } from './records.ts';
import { Job, JobId, PointsBalance, Reject, Success } from './shapes.ts';

const tags = ['Start and watch'];
const JOB_ID_EXAMPLE = '01a20cdc-9b16-7586-bb09-892545e0deeb';
const RECORDS_EXAMPLE = [
  { wp_user_id: 42, email: 'a@shop.example', points_balance: 1250 },
  { wp_user_id: '43', email: 'b@shop.example', points_balance: '-12.300000' },
  { wp_user_id: 45, deleted: true },
];

/** The answer to a start, a cancel, a retry or a commit. */
export const JobMoved = z.strictObject({ ...Success, jobId: JobId, message: z.string() });

export const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Makes the call safe to repeat: the same key and body give the same job for 30 days.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

export const IF_NONE_MATCH: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The `ETag` of the answer that you have.',
  schema: { type: 'string' },
};

const PACKED: Parameter = {
  name: 'Content-Encoding',
  in: 'header',
  required: false,
  description: 'How the body is packed; plain where it is left out.',
  schema: { type: 'string', enum: ['gzip', 'identity'] },
};

const PLAN = queryParameters(PlanQuery, {
  mode: 'A snapshot is the whole picture: what it does not carry is removed when the job completes.',
  confirmRemoval: 'Lets a snapshot remove more than half of the site’s balances.',
  ranges: 'Makes a snapshot the whole picture of these ranges of ids only: `1000-1999,5000-5999`.',
});

/** A body of records, as an array or a line each. */
const recordsBody: NonNullable<Operation['requestBody']> = {
  required: true,
  content: {
    'application/json': {
      schema: schemaOf(z.array(z.union([PointsBalance, ...OTHER_RECORDS])).min(1), 'input'),
      example: RECORDS_EXAMPLE,
    },
    'application/x-ndjson': {
      schema: { type: 'string', description: 'A record a line.' },
      example: RECORDS_EXAMPLE.map((record) => `${JSON.stringify(record)}\n`).join(''),
    },
  },
};

/** Older names mean the same. */
const TYPE = pathParameter(
  'type',
  'What the records are.',
  z.enum(JOB_TYPES.flatMap(({ name, olderNames }) => [name, ...olderNames])),
);
const RECEIVING = { tags, parameters: [TYPE, ...PLAN, IDEMPOTENCY_KEY, PACKED], requestBody: recordsBody };
export const PACKED_RECORDS = { parameters: [PACKED], requestBody: recordsBody };
const RECEIVING_ERRORS: ErrorCode[] = [
  'TYPE_NOT_FOUND',
  ...SITE_ERRORS,
  ...RECORDS_ERRORS,
  'IDEMPOTENCY_KEY_INVALID',
  'IDEMPOTENCY_KEY_REUSED',
];

const jobIdQuery: Parameter = {
  name: 'jobId',
  in: 'query',
  required: true,
  description: 'The `jobId` that the start answered with.',
  schema: schemaOf(JobId, 'input'),
};

/** What older versions of the plugin call: see routes/artly.ts. */
export const artlyPaths: Paths = {
  '/artly/sync/{type}/start': {
    post: {
      ...RECEIVING,
      operationId: 'startJob',
      summary: 'Starts a job',
      description:
        'Of any length up to `ARTLY_MAX_RECORDS`. The answer comes when all records are stored, durably; the work goes on in the background. One bad record is rejected alone.',
      responses: {
        202: answer('The job was accepted.', JobMoved, {
          success: true,
          jobId: JOB_ID_EXAMPLE,
          message: 'The job has started with 3 records.',
        }),
        ...errorAnswers(...RECEIVING_ERRORS),
      },
    },
  },
  '/artly/sync/{type}/status': {
    get: {
      tags,
      operationId: 'readStatus',
      summary: 'Looks at a job',
      description: 'At once; with `wait`, when the job is newer than `version`, or after so many seconds.',
      parameters: [
        TYPE,
        jobIdQuery,
        ...queryParameters(StatusQuery, {
          version: 'The version of the job that you have.',
          wait: 'Seconds to wait for a newer one.',
        }),
        IF_NONE_MATCH,
      ],
      responses: {
        200: answer('The job as it is.', z.strictObject({ ...Success, job: Job })),
        304: emptyAnswer('You have this version.'),
        ...errorAnswers(
          ...SITE_ERRORS,
          'TYPE_NOT_FOUND',
          'JOB_ID_MISSING',
          'JOB_ID_REPEATED',
          'JOB_NOT_FOUND',
          'TOO_MANY_WATCHERS',
        ),
      },
    },
  },
  '/artly/sync/{type}/cancel': {
    post: {
      tags,
      operationId: 'cancelByType',
      summary: 'Cancels a job',
      description:
        'Once it is answered, no further record of the job changes. A job that had ended is no error: the message says so.',
      parameters: [TYPE],
      requestBody: jsonBody(z.object({ jobId: JobId }), { jobId: JOB_ID_EXAMPLE }),
      responses: {
        200: answer('The job is cancelled, or had ended before.', JobMoved),
        ...errorAnswers(
          ...SITE_ERRORS,
          ...OBJECT_ERRORS,
          'TYPE_NOT_FOUND',
          'JOB_ID_MISSING',
          'JOB_ID_REPEATED',
          'JOB_ID_INVALID',
          'JOB_NOT_FOUND',
        ),
      },
    },
  },
  '/artly/sync/{type}': {
    post: {
      ...RECEIVING,
      operationId: 'applyAtOnce',
      summary: 'All in one request',
      description:
        'The old endpoint, for small shops: the same job, but the answer comes when all is applied. `errors` has the first 1,000 rejected records.',
      responses: {
        200: answer(
          'All is applied.',
          z.strictObject({
            ...Success,
            updated: z.int().min(0).describe('Records accepted.'),
            errors: z.array(Reject).optional(),
          }),
          { success: true, updated: 3 },
        ),
        ...errorAnswers(...RECEIVING_ERRORS, 'JOB_CANCELLED', 'JOB_FAILED'),
      },
    },
  },
};
