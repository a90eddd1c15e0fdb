import { PRODUCT } from '../product.ts';
import { artlyPaths } from './artly.ts';
import { balancePaths } from './balances.ts';
import { jobPaths } from './jobs.ts';
import { livePaths } from './live.ts';
import { operatingPaths } from './operating.ts';
import { namedSchema, type Paths, type Schema, type Security } from './operation.ts';
import { operatorPaths } from './operator.ts';
import { operatorJobPaths } from './operatorJobs.ts';
import { operatorSitePaths } from './operatorSites.ts';
import { recordPaths } from './records.ts';
import { NAMED_SHAPES } from './shapes.ts';
import { uploadPaths } from './uploads.ts';

/** One line a file of routes. */
const PATHS: Paths = {
  ...artlyPaths,
  ...jobPaths,
  ...uploadPaths,
  ...livePaths,
  ...balancePaths,
  ...recordPaths,
  ...operatorPaths,
  ...operatorJobPaths,
  ...operatorSitePaths,
  ...operatingPaths,
};

const DESCRIPTION = `Moves the points balances of a membership shop to a reminder backend, as jobs that can be watched and cancelled.

Every JSON answer has \`success\`. An error is \`{ "success": false, "error": "<code>", "message": "<what is wrong and what to do>" }\`.
At any address, another method is \`METHOD_NOT_ALLOWED\` (405, with \`Allow\`), and what is not there is \`NOT_FOUND\` (404).
\`HEAD\` works wherever \`GET\` does. An \`X-Request-Id\` that you send comes back, and stands in the log.

A site sees its own jobs and records only; another site’s are answered as if they did not exist. What is under \`/operator\` sees all sites: a site’s key does not open it, but the operator’s token does.`;

export interface OpenApiDocument {
  openapi: string;
  info: Schema;
  servers: Schema[];
  security: Security;
  tags: { name: string; description: string }[];
  paths: Paths;
  components: Record<'schemas' | 'headers' | 'securitySchemes', Record<string, Schema>>;
}

/** The API as OpenAPI 3.1. Tests compare it with the endpoints there are, and with what they really answer. */
export function openApiDocument(): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Artly Sync',
      version: PRODUCT.version,
      summary: 'Points balances of shops, as jobs.',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    security: [{ siteKey: [] }, { bearer: [] }],
    tags: [
      { name: 'Start and watch', description: 'What a shop needs.' },
      { name: 'Watch', description: 'Without asking again and again.' },
      { name: 'Jobs', description: 'Jobs of every type.' },
      { name: 'Jobs in parts', description: 'For a shop that can’t send all of its members in one request.' },
      { name: 'Records', description: 'Reading what jobs have brought.' },
      {
        name: 'Operator',
        description: 'Signing in, and watching all sites; off unless `ARTLY_ADMIN_TOKEN` is set.',
      },
      { name: 'Jobs of all sites', description: 'For the operator.' },
      { name: 'Sites', description: 'And their keys, for the operator.' },
      { name: 'Operating', description: 'For those who watch over the server; no key needed.' },
    ],
    paths: PATHS,
    components: {
      schemas: Object.fromEntries(NAMED_SHAPES.map(({ id, shape, io }) => [id, namedSchema(id, shape, io)])),
      headers: {
        RequestId: { description: 'The id of the request.', schema: { type: 'string' } },
        OperatorCookie: {
          description: 'Sets the cookie of the session, or takes it away.',
          schema: {
            type: 'string',
            examples: ['artly_operator=…; Path=/operator; HttpOnly; SameSite=Strict'],
          },
        },
      },
      securitySchemes: {
        siteKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-artly-secret',
          description: 'The key of a site: `artly-sync sites add URL` makes one.',
        },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same key.' },
        operatorToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'The value of `ARTLY_ADMIN_TOKEN`, as a script of the operator sends it.',
        },
        operatorSession: {
          type: 'apiKey',
          in: 'cookie',
          name: 'artly_operator',
          description:
            'What `POST /operator/session` gives to a browser, for 12 hours. With it, a change has to come from a page of this server, as JSON.',
        },
      },
    },
  };
}
