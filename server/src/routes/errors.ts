import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { SyncError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import { TooManyTries } from '../services/operatorSignIn.ts';

/** How long the rest of a refused body is read, so that the sender gets to see the answer. */
const LINGER_MS = 2_000;

export const notFound: RequestHandler = (request) => {
  throw new SyncError('NOT_FOUND', `There is nothing at ${request.path}: check the address.`);
};

/** Who watches over the server asks here all the time: "not ready" is an answer, and its reason is logged once. */
const READINESS = '/readyz';

/** The one place that makes JSON of an error. Nothing of an unexpected one leaves the server. */
export function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const answer = asSyncError(error);
    if (request.path !== READINESS) logFailure(log, request, error);
    if (response.headersSent || request.socket.destroyed) {
      response.destroy();
      return;
    }
    if (answer.status === 401) response.set('www-authenticate', 'Bearer');
    if (answer instanceof TooManyTries) response.set('retry-after', String(answer.retryAfterSeconds));
    closeAfterAnswer(request, response);
    response.status(answer.status).json({ success: false, error: answer.code, message: answer.message });
  };
}

/** What is the client's own doing is no failure. The path alone is logged: an address may hold a ticket. */
export function logFailure(log: Log, { method, path }: Request, error: unknown): void {
  const { status, code } = asSyncError(error);
  if (status < 500) return;
  const cause = error instanceof Error ? error.stack : String(error);
  log.error('request.failed', { method, path, code, cause });
}

export function asSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  if (isClientError(error)) {
    return new SyncError(
      'INVALID_PARAMETER',
      'The request can’t be read: check its address, headers and body.',
    );
  }
  return new SyncError(
    'INTERNAL',
    'The server made a mistake: try again, and tell its operator if it stays.',
  );
}

/** What Express itself refuses, like an address with a broken %-sign. */
function isClientError(error: unknown): boolean {
  const status = (error as { status?: unknown }).status;
  return error instanceof Error && typeof status === 'number' && status >= 400 && status < 500;
}

/** A body that was refused half-way makes the connection unusable for a next request. */
function closeAfterAnswer(request: Request, response: Response): void {
  if (request.readableEnded || request.complete) return;
  response.set('connection', 'close');
  request.resume();
  const cut = setTimeout(() => request.destroy(), LINGER_MS);
  request.once('close', () => clearTimeout(cut));
}
