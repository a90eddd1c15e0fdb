import { z } from 'zod';
import { PlacedJobsQuery, RejectsQuery } from '../routes/operatorParse.ts';
import { JobMoved } from './artly.ts';
import { JOB_PATH_ID, REJECTS, RETRY_BODY } from './jobs.ts';
import { answer, errorAnswers, OBJECT_ERRORS, type Paths, queryParameters } from './operation.ts';
import { OPERATOR_CHANGE_ERRORS, OPERATOR_ERRORS, SIGNED_IN } from './operator.ts';
import { Attempt, AuditEntry, PlacedJob, Success } from './shapes.ts';

const operator = { tags: ['Jobs of all sites'], ...SIGNED_IN };
const parameters = [JOB_PATH_ID];

const Page = z.strictObject({
  ...Success,
  jobs: z.array(PlacedJob),
  nextCursor: z.string().nullable().describe('The `cursor` of the next page.'),
});

const WholeJob = z.strictObject({
  ...Success,
  job: PlacedJob,
  retryable: z.boolean().describe('Whether it could be tried again now.'),
  rejectsRetryable: z.boolean().describe('Whether its rejected records alone could be.'),
  audit: z.array(AuditEntry),
  attempts: z.array(Attempt),
  samples: z
    .array(
      z.strictObject({
        attempt: z.int().min(1),
        at: z.iso.datetime(),
        processed: z.int().min(0).describe('Records settled by then.'),
      }),
    )
    .describe('About one a percent of each attempt.'),
});

/** The jobs of all sites: see routes/operatorJobs.ts. */
export const operatorJobPaths: Paths = {
  '/operator/jobs': {
    get: {
      ...operator,
      operationId: 'listAllJobs',
      summary: 'Lists jobs of all sites, newest first',
      description: 'A job that is started meanwhile shifts no page.',
      parameters: queryParameters(PlacedJobsQuery, {
        site: 'Only jobs of this site, by its `siteId`.',
        type: 'Only jobs of this type.',
        status: 'Only jobs in these states: `failed,cancelled`.',
        from: 'Only jobs created from this time on.',
        to: 'Only jobs created before this time.',
        cursor: 'The `nextCursor` of the page before.',
        limit: 'Jobs a page.',
      }),
      responses: {
        200: answer('A page; `nextCursor` is null on the last one.', Page),
        ...errorAnswers(...OPERATOR_ERRORS),
      },
    },
  },
  '/operator/jobs/{jobId}': {
    get: {
      ...operator,
      parameters,
      operationId: 'readWholeJob',
      summary: 'Looks at a job, with all that is known of it',
      responses: {
        200: answer('The job as it is; its trail, attempts and samples oldest first.', WholeJob),
        ...errorAnswers(...OPERATOR_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/operator/jobs/{jobId}/cancel': {
    post: {
      ...operator,
      parameters,
      operationId: 'cancelJobOfSite',
      summary: 'Cancels a job',
      description: 'Once it is answered, no further record of the job changes. It needs no body.',
      responses: {
        200: answer('The job is cancelled, or had ended before.', JobMoved),
        ...errorAnswers(...OPERATOR_CHANGE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/operator/jobs/{jobId}/retry': {
    post: {
      ...operator,
      parameters,
      operationId: 'retryJobOfSite',
      summary: 'Tries a job again, or its rejected records alone',
      description:
        'As the call of the site does, for one hour after its end. Without a body, it is the whole job that is tried again.',
      requestBody: RETRY_BODY,
      responses: {
        202: answer('A new attempt, or the job of `jobId`, waits for its turn.', JobMoved),
        ...errorAnswers(
          ...OPERATOR_CHANGE_ERRORS,
          ...OBJECT_ERRORS,
          'JOB_NOT_FOUND',
          'JOB_NOT_RETRYABLE',
          'RECORDS_DROPPED',
          'NO_REJECTS',
        ),
      },
    },
  },
  '/operator/jobs/{jobId}/rejects': {
    get: {
      ...operator,
      parameters: [
        ...parameters,
        ...queryParameters(RejectsQuery, {
          format: 'Gives a file to keep, as a link may ask for it.',
          limit: 'Only the first ones; all where it is left out.',
        }),
      ],
      operationId: 'readRejectsOfSite',
      summary: 'Tells why records were rejected',
      description:
        'As NDJSON, each line like the schema Reject; as CSV with `format=csv`, or with `Accept: text/csv`.',
      responses: {
        200: REJECTS,
        ...errorAnswers(...OPERATOR_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
};
