import { z } from 'zod';
import type { ErrorCode } from '../domain/errors.ts';
import { JOB_PATH_ID } from './jobs.ts';
import {
  answer,
  answerOf,
  emptyAnswer,
  errorAnswers,
  type Parameter,
  type Paths,
  SITE_ERRORS,
} from './operation.ts';
import { Success } from './shapes.ts';

const tags = ['Watch'];

const TICKET: Parameter = {
  name: 'ticket',
  in: 'query',
  required: false,
  description: 'Instead of the key, from a browser: for one job, once, within 60 seconds.',
  schema: { type: 'string' },
};
const VERSION: Parameter = {
  name: 'version',
  in: 'query',
  required: false,
  description: 'The version of the job that you have: only newer ones are sent.',
  schema: { type: 'integer', minimum: 0 },
};
const LAST_EVENT_ID: Parameter = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'The same, as an EventSource sends it when it comes again.',
  schema: { type: 'integer', minimum: 0 },
};
const WATCH_ERRORS: ErrorCode[] = [
  ...SITE_ERRORS,
  'TICKET_INVALID',
  'TICKET_OTHER_JOB',
  'ORIGIN_NOT_ALLOWED',
  'TOO_MANY_WATCHERS',
];

/** Watching a job without asking again and again: see routes/live.ts. */
export const livePaths: Paths = {
  '/artly/sync/jobs/{jobId}/events': {
    get: {
      tags,
      operationId: 'watchJob',
      summary: 'Watches a job by server-sent events',
      description:
        'First the job as it is, then every change; the id of an event is the version. A comment every 15 seconds says that the connection lives. It ends after the final state.',
      parameters: [JOB_PATH_ID, TICKET, VERSION, LAST_EVENT_ID],
      responses: {
        200: answerOf('The stream.', {
          'text/event-stream': { schema: { type: 'string', description: 'The data of an event is a Job.' } },
        }),
        204: emptyAnswer('The job has ended, and you have its last version.'),
        ...errorAnswers(...WATCH_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
  '/artly/sync/live': {
    get: {
      tags,
      operationId: 'openLive',
      summary: 'Watches many jobs on a WebSocket',
      description:
        'Send `{ "watch": jobId }`, with `"version": V` where you have one, and `{ "unwatch": jobId }`; get `{ "job": … }` for the job as it is and for every change.',
      parameters: [TICKET],
      responses: {
        101: emptyAnswer('The WebSocket is open.'),
        ...errorAnswers(...WATCH_ERRORS, 'UPGRADE_REQUIRED'),
      },
    },
  },
  '/artly/sync/jobs/{jobId}/ticket': {
    post: {
      tags,
      operationId: 'makeTicket',
      summary: 'Lets a browser watch a job, without the key',
      parameters: [JOB_PATH_ID],
      responses: {
        201: answer(
          'For one job, one use, 60 seconds.',
          z.strictObject({ ...Success, ticket: z.string(), expiresAt: z.iso.datetime() }),
        ),
        ...errorAnswers(...SITE_ERRORS, 'JOB_NOT_FOUND'),
      },
    },
  },
};
