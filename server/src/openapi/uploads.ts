import { z } from 'zod';
import { CommitBody, PartNumber } from '../routes/parse.ts';
import { JobMoved, PACKED_RECORDS } from './artly.ts';
import { JOB_PATH_ID } from './jobs.ts';
import {
  answer,
  errorAnswers,
  jsonBody,
  OBJECT_ERRORS,
  type Paths,
  pathParameter,
  RECORDS_ERRORS,
  SITE_ERRORS,
} from './operation.ts';
import { JobId, Success } from './shapes.ts';

const tags = ['Jobs in parts'];

/** A job in parts: see routes/uploads.ts. `POST /artly/sync/jobs`, which makes it, stands in jobs.ts. */
export const uploadPaths: Paths = {
  '/artly/sync/jobs/{jobId}/batches/{n}': {
    put: {
      tags,
      operationId: 'putBatch',
      summary: 'Sends one batch of a job',
      description: 'The same batch again is fine; other content under a number that is there is refused.',
      parameters: [
        JOB_PATH_ID,
        pathParameter('n', 'The number of the batch, from 0.', PartNumber),
        ...PACKED_RECORDS.parameters,
      ],
      requestBody: PACKED_RECORDS.requestBody,
      responses: {
        200: answer(
          'The batch is stored.',
          z.strictObject({
            ...Success,
            jobId: JobId,
            batch: z.int().min(0),
            records: z.int().min(0),
          }),
        ),
        ...errorAnswers(
          ...SITE_ERRORS,
          ...RECORDS_ERRORS,
          'JOB_NOT_FOUND',
          'BATCH_DIFFERS',
          'UPLOAD_NOT_OPEN',
        ),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/commit': {
    post: {
      tags,
      operationId: 'commitJob',
      summary: 'Starts a job, once all of its batches are sent',
      parameters: [JOB_PATH_ID],
      requestBody: jsonBody(CommitBody, { batches: 2, records: 3 }),
      responses: {
        202: answer('The job waits for its turn.', JobMoved),
        ...errorAnswers(
          ...SITE_ERRORS,
          ...OBJECT_ERRORS,
          'JOB_NOT_FOUND',
          'BATCHES_MISSING',
          'UPLOAD_DIFFERS',
          'UPLOAD_NOT_OPEN',
          'EMPTY_ARRAY',
          'TOO_MANY_RECORDS',
        ),
      },
    },
  },
};
