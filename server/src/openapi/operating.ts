import { z } from 'zod';
import { answer, answerOf, errorAnswers, type Paths, type Security, STORAGE_ERRORS } from './operation.ts';
import { Success } from './shapes.ts';

const tags = ['Operating'];
/** No key needed. */
const open = { tags, security: [] as Security };
const product = { name: z.string(), version: z.string() };

/** For those who watch over the server, and this description itself: see routes/health.ts, metrics.ts, docs.ts. */
export const operatingPaths: Paths = {
  '/healthz': {
    get: {
      ...open,
      operationId: 'readHealth',
      summary: 'Tells whether the server lives',
      responses: {
        200: answer('It does.', z.strictObject({ ...Success, status: z.literal('ok'), ...product })),
      },
    },
  },
  '/readyz': {
    get: {
      ...open,
      operationId: 'readReadiness',
      summary: 'Tells whether the server can work',
      responses: {
        200: answer(
          'Its storage takes writes.',
          z.strictObject({ ...Success, status: z.literal('ready'), ...product }),
        ),
        ...errorAnswers(...STORAGE_ERRORS),
      },
    },
  },
  '/metrics': {
    get: {
      ...open,
      operationId: 'readMetrics',
      summary: 'Measures, for Prometheus',
      responses: {
        200: answerOf('Metrics in the text format of Prometheus; docs/metrics.md lists them.', {
          'text/plain': { schema: { type: 'string' } },
        }),
        ...errorAnswers('INTERNAL'),
      },
    },
  },
  '/openapi.json': {
    get: {
      ...open,
      operationId: 'readDescription',
      summary: 'This description',
      responses: {
        200: answerOf('OpenAPI 3.1.', { 'application/json': { schema: { type: 'object' } } }),
        ...errorAnswers('INTERNAL'),
      },
    },
  },
  '/docs': {
    get: {
      ...open,
      operationId: 'readDocs',
      summary: 'This description as a page',
      responses: { 200: answerOf('A page.', { 'text/html': { schema: { type: 'string' } } }) },
    },
  },
  '/docs/{file}': {
    get: {
      ...open,
      operationId: 'readDocsFile',
      summary: 'Style and scripts of that page',
      parameters: [
        { name: 'file', in: 'path', required: true, description: 'Its name.', schema: { type: 'string' } },
      ],
      responses: {
        200: answerOf('The file.', {
          'text/css': { schema: { type: 'string' } },
          'text/javascript': { schema: { type: 'string' } },
          'image/png': { schema: { type: 'string' } },
        }),
        ...errorAnswers('NOT_FOUND', 'INVALID_PARAMETER', 'INTERNAL'),
      },
    },
  },
};
