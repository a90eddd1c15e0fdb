import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RequestHandler } from 'express';
import { SyncError } from '../domain/errors.ts';
import type { OperatorSignIn } from '../services/operatorSignIn.ts';

const FOLDER = new URL('../dashboard/', import.meta.url);
const STRIP_TYPES = fileURLToPath(new URL('./stripTypes.ts', import.meta.url));
const CHARTS = {
  'uPlot.js': import.meta.resolve('uplot/dist/uPlot.iife.min.js'),
  'uPlot.css': import.meta.resolve('uplot/dist/uPlot.min.css'),
};
const PAGE = 'index.html';

const MEDIA_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

const SECURITY = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

interface PageFile {
  type: string;
  body: Buffer;
  etag: string;
}

/** The dashboard: the page at `/`, and its styles and scripts under `/dashboard/`. Nothing in them is secret. */
export function dashboardFiles(signIn: OperatorSignIn): RequestHandler {
  let files: Promise<Map<string, PageFile>> | undefined;
  return async (request, response, next) => {
    const name = request.path === '/' ? PAGE : /^\/dashboard\/([\w.]+)$/.exec(request.path)?.[1];
    if (name === undefined) return next();
    signIn.requireOn();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.set('allow', 'GET, HEAD');
      throw new SyncError('METHOD_NOT_ALLOWED', `${request.method} is not possible here: use GET, HEAD.`);
    }
    files ??= readFiles().catch((error) => {
      files = undefined;
      throw error;
    });
    const file = (await files).get(name);
    if (file === undefined) return next();
    // Asked for anew each time, and sent only where it changed: so a page never mixes two versions.
    response.set({ ...SECURITY, 'content-type': file.type, 'cache-control': 'no-cache', etag: file.etag });
    response.send(file.body);
  };
}

/** Read and made once, when somebody first opens the dashboard. */
async function readFiles(): Promise<Map<string, PageFile>> {
  const names = readdirSync(FOLDER).filter((name) => extname(name) in MEDIA_TYPES);
  const scripts = names.filter((name) => name.endsWith('.ts'));
  const plain = names.filter((name) => !name.endsWith('.ts'));
  const texts = await scriptsOf(scripts.map((name) => fileURLToPath(new URL(name, FOLDER))));
  return new Map([
    ...scripts.map((name, at) => pageFile(name, Buffer.from(texts[at] as string))),
    ...plain.map((name) => pageFile(name, readFileSync(new URL(name, FOLDER)))),
    ...Object.entries(CHARTS).map(([name, address]) => pageFile(name, readFileSync(new URL(address)))),
  ]);
}

function pageFile(name: string, body: Buffer): [string, PageFile] {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return [name, { type: MEDIA_TYPES[extname(name)] as string, body, etag }];
}

/** By a program of its own, which takes half a second and 100 MB that this server would never give back. */
async function scriptsOf(paths: string[]): Promise<string[]> {
  const quiet = '--disable-warning=ExperimentalWarning';
  const { stdout } = await promisify(execFile)(process.execPath, [quiet, STRIP_TYPES, ...paths], {
    maxBuffer: 16 * 1024 ** 2,
    // It needs no secret of this server.
    env: {},
  });
  return JSON.parse(stdout);
}
