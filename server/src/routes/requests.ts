import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { METHODS } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { Log } from '../domain/log.ts';
import { withRequestId } from '../log.ts';

/** A request that is over. */
export interface MeasuredRequest {
  /** The pattern of its route, like `/artly/sync/jobs/:jobId`: never the address itself, which names jobs and members. */
  route: string;
  method: string;
  /** `2xx`, `4xx`, …, or `aborted` where the client went away before the end of the answer. */
  status: string;
  seconds: number;
}

export interface HttpMetrics {
  requestDone(request: MeasuredRequest): void;
}

/** What no route has. */
const NO_ROUTE = 'none';
/** An id that may stand in a log and a header as it came. */
const SANE_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Gives each request an id, that of the client where it sends one: it comes back with the answer, and stands in every
 * line that is logged on the way.
 */
export function requestIds(): RequestHandler {
  return (request, response, next) => {
    const sent = request.get('x-request-id');
    const requestId = sent !== undefined && SANE_ID.test(sent) ? sent : randomUUID();
    response.set('x-request-id', requestId);
    withRequestId(requestId, next);
  };
}

/** Measures each request, and logs it when it is over. */
export function measureRequests({ metrics, log }: { metrics: HttpMetrics; log: Log }): RequestHandler {
  return (request, response, next) => {
    const from = performance.now();
    const done = () => {
      const seconds = (performance.now() - from) / 1000;
      const { statusCode, writableFinished } = response;
      const labels = { route: routeOf(request), method: methodOf(request) };
      const status = writableFinished ? `${Math.floor(statusCode / 100)}xx` : 'aborted';
      metrics.requestDone({ ...labels, status, seconds });
      // At debug: most are polls and probes, and would drown what happens to jobs. What fails has its line at error.
      log.debug('request.done', { ...labels, status: statusCode, aborted: !writableFinished, seconds });
    };
    // The event comes from the connection, which knows nothing of the request's id.
    response.once('close', AsyncLocalStorage.bind(done));
    next();
  };
}

/** Known once the request has been answered. */
function routeOf(request: Request): string {
  const path: unknown = request.route?.path;
  return typeof path === 'string' ? `${request.baseUrl}${path}` : NO_ROUTE;
}

/** Node lets no others in; this says that it stays so. */
function methodOf({ method }: Request): string {
  return METHODS.includes(method) ? method : 'other';
}
