import { z } from 'zod';
import { JobsQuery, NewJob, RetryBody } from '../routes/parse.ts';
import { IDEMPOTENCY_KEY, IF_NONE_MATCH, JobMoved } from './artly.ts';
import {
  answer,
  answerOf,
  emptyAnswer,
  errorAnswers,
  jsonBody,
  OBJECT_ERRORS,
  type Paths,
  pathParameter,
  queryParameters,
  SITE_ERRORS,
} from './operation.ts';
import { Attempt, AuditEntry, Job, JobId, Success } from './shapes.ts';

const tags = ['Jobs'];
export const JOB_PATH_ID = pathParameter('jobId', 'The `jobId` that the start answered with.', JobId);
const parameters = [JOB_PATH_ID];

/** What to try again, where it is not all. */
export const RETRY_BODY = {
  ...jsonBody(RetryBody, {
    only: 'rejected',
    records: [{ index: 3, record: { wp_user_id: 44, email: 'e@shop.example', points_balance: 5 } }],
  }),
  required: false,
};

export const REJECTS = answerOf('The rejected records, in their order.', {
  'application/x-ndjson': { schema: { type: 'string', description: 'A Reject a line.' } },
  'text/csv': {
    schema: { type: 'string' },
    example: 'index,wp_user_id,code,message\r\n3,44,EMAIL_MISSING,"email is missing."\r\n',
  },
});

/** Jobs of every type: see routes/jobs.ts. */
export const jobPaths: Paths = {
  '/artly/sync/jobs': {
    get: {
      tags,
      operationId: 'listJobs',
      summary: 'Lists jobs, newest first',
      parameters: queryParameters(JobsQuery, {
        type: 'Only jobs of this type.',
        status: 'Only jobs in this state.',
        cursor: 'The `nextCursor` of the page before.',
        limit: 'Jobs a page.',
      }),
      responses: {
        200: answer(
          'A page; `nextCursor` is null on the last one.',
          z.strictObject({ ...Success, jobs: z.array(Job), nextCursor: JobId.nullable() }),
        ),
        ...errorAnswers(...SITE_ERRORS, 'TYPE_NOT_FOUND'),
      },
    },
    post: {
      tags: ['Jobs in parts'],
      operationId: 'openJob',
      summary: 'Makes a job that comes in parts',
      description:
        'Then send its batches, in any order and side by side, and commit. Nothing is applied before.',
      parameters: [IDEMPOTENCY_KEY],
      requestBody: jsonBody(NewJob, { type: 'points-balances', total: 3 }),
      responses: {
        201: answer('The job waits for its batches.', z.strictObject({ ...Success, jobId: JobId })),
        ...errorAnswers(
          ...SITE_ERRORS,
          ...OBJECT_ERRORS,
          'TYPE_NOT_FOUND',
          'IDEMPOTENCY_KEY_INVALID',
          'IDEMPOTENCY_KEY_REUSED',
        ),
      },
    },
  },
  '/artly/sync/jobs/{jobId}': {
    get: {
      tags,
      parameters: [...parameters, IF_NONE_MATCH],
      operationId: 'readJob',
      summary: 'Looks at a job',
      responses: {
        200: answer(
          'The job as it is. `upload` says which batches are there, of a job that still waits for some.',
          z.strictObject({
            ...Success,
            job: Job,
            upload: z.strictObject({ batches: z.array(z.int().min(0)), records: z.int().min(0) }).optional(),
          }),
        ),
        304: emptyAnswer('You have this version.'),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/cancel': {
    post: {
      tags,
      parameters,
      operationId: 'cancelJob',
      summary: 'Cancels a job',
      description: 'Once it is answered, no further record of the job changes. It needs no body.',
      responses: {
        200: answer('The job is cancelled, or had ended before.', JobMoved),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/retry': {
    post: {
      tags,
      parameters,
      operationId: 'retryJob',
      summary: 'Tries a job again, or its rejected records alone',
      description:
        'Without a body, a failed or cancelled job from its first record. With `"only": "rejected"`, the rejected records of a job that has ended, as they were sent or as `records` has them: they become a job of their own. Both for one hour after its end.',
      requestBody: RETRY_BODY,
      responses: {
        202: answer('A new attempt, or the job of `jobId`, waits for its turn.', JobMoved),
        ...errorAnswers(
          ...SITE_ERRORS,
          ...OBJECT_ERRORS,
          'JOB_NOT_FOUND',
          'JOB_NOT_RETRYABLE',
          'RECORDS_DROPPED',
          'NO_REJECTS',
        ),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/rejects': {
    get: {
      tags,
      parameters,
      operationId: 'readRejects',
      summary: 'Tells why records were rejected',
      description: 'As NDJSON, each line like the schema Reject, or as CSV with `Accept: text/csv`.',
      responses: {
        200: REJECTS,
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/audit': {
    get: {
      tags,
      parameters,
      operationId: 'readAudit',
      summary: 'Tells who did what to a job, and what each attempt did',
      responses: {
        200: answer(
          'Both oldest first.',
          z.strictObject({ ...Success, audit: z.array(AuditEntry), attempts: z.array(Attempt) }),
        ),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
};
