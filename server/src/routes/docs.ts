import { readFile } from 'node:fs/promises';
import { type RequestHandler, Router } from 'express';
import { SyncError } from '../domain/errors.ts';
import { endpoint } from './endpoint.ts';

/**
 * Swagger UI as it comes in its package: nothing is fetched from elsewhere. That package depends on one which reports
 * installations; package.json (`allowScripts`) never lets its script run, and no file of it is served or loaded.
 */
const SWAGGER_UI = new URL('./', import.meta.resolve('swagger-ui-dist/package.json'));

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Artly Sync: the API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The description itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Keys are kept no longer than the page is open, and no other server is asked whether the description is valid. */
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
`;

/** What the page may load, by name, with its type. */
const FILES = new Map<string, { type: string; read: () => Promise<string | Buffer> }>([
  ['swagger-ui.css', { type: 'text/css', read: () => ofPackage('swagger-ui.css') }],
  ['swagger-ui-bundle.js', { type: 'text/javascript', read: () => ofPackage('swagger-ui-bundle.js') }],
  ['favicon-32x32.png', { type: 'image/png', read: () => ofPackage('favicon-32x32.png') }],
  ['start.js', { type: 'text/javascript', read: async () => START }],
]);

function ofPackage(name: string): Promise<Buffer> {
  return readFile(new URL(name, SWAGGER_UI));
}

let description: Promise<string> | undefined;

/** Loaded when somebody asks for it: it takes half a second and 12 MB, which most servers never need. */
async function makeDescription(): Promise<string> {
  const { openApiDocument } = await import('../openapi/document.ts');
  return JSON.stringify(openApiDocument());
}

/** Scripts, styles and answers of this server alone; Swagger UI draws its icons by data: addresses. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const strict: RequestHandler = (_request, response, next) => {
  response.set({ 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' });
  next();
};

/** The description of the API: for programs, and as a page; no key needed. */
export function docsRoutes(): Router {
  const router = Router();
  endpoint(router, '/openapi.json', {
    get: async (_request, response) => {
      description ??= makeDescription();
      response.type('application/json').send(await description);
    },
  });
  endpoint(router, '/docs', {
    before: [strict],
    get: (_request, response) => {
      response.type('text/html').send(PAGE);
    },
  });
  endpoint(router, '/docs/:file', {
    before: [strict],
    get: async (request, response) => {
      const file = FILES.get(String(request.params.file));
      if (file === undefined) throw new SyncError('NOT_FOUND', 'There is no such file: open /docs.');
      response.type(file.type).send(await file.read());
    },
  });
  return router;
}
