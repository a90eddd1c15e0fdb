import { z } from 'zod';
import { JobsQuery, NewJob } from '../routes/parse.ts';
import { IDEMPOTENCY_KEY, JobMoved } from './artly.ts';
import {
  answer,
  answerOf,
  errorAnswers,
  jsonBody,
  OBJECT_ERRORS,
  type Paths,
  pathParameter,
  queryParameters,
  SITE_ERRORS,
} from './operation.ts';
import { AuditEntry, Job, JobId, Success } from './shapes.ts';

const tags = ['Jobs'];
export const JOB_PATH_ID = pathParameter('jobId', 'The `jobId` that the start answered with.', JobId);
const parameters = [JOB_PATH_ID];

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
        ...errorAnswers(...SITE_ERRORS),
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
          'IDEMPOTENCY_KEY_INVALID',
          'IDEMPOTENCY_KEY_REUSED',
        ),
      },
    },
  },
  '/artly/sync/jobs/{jobId}': {
    get: {
      tags,
      parameters,
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
      summary: 'Tries a failed or cancelled job again',
      description: 'From its first record, for one hour after its end. It needs no body.',
      responses: {
        202: answer('A new attempt waits for its turn.', JobMoved),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND', 'JOB_NOT_RETRYABLE', 'RECORDS_DROPPED'),
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
        200: answerOf('The rejected records, in their order.', {
          'application/x-ndjson': { schema: { type: 'string', description: 'A Reject a line.' } },
          'text/csv': {
            schema: { type: 'string' },
            example: 'index,wp_user_id,code,message\r\n3,44,EMAIL_MISSING,"email is missing."\r\n',
          },
        }),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/audit': {
    get: {
      tags,
      parameters,
      operationId: 'readAudit',
      summary: 'Tells who did what to a job',
      responses: {
        200: answer('Oldest first.', z.strictObject({ ...Success, audit: z.array(AuditEntry) })),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
};
