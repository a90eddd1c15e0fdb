import express, { type Express } from 'express';
import type { Parts } from './compose.ts';
import type { Log } from './domain/log.ts';
import { artlyRoutes } from './routes/artly.ts';
import { dashboardFiles } from './routes/dashboardFiles.ts';
import { docsRoutes } from './routes/docs.ts';
import { answerError, notFound } from './routes/errors.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { operatorRoutes } from './routes/operator.ts';
import { measureRequests, requestIds } from './routes/requests.ts';

export interface AppParts extends Omit<Parts, 'close' | 'queue' | 'sweep'> {
  /** When false, only health and metrics are answered. */
  withApi?: boolean;
  log: Log;
  /** Aborted when the server stops. */
  stopping: AbortSignal;
  /** How long a body may stay without a byte, in milliseconds. */
  bodyIdleMs: number;
  /** Whose pages may watch jobs, beside those of the site itself and of this server. */
  browserOrigins: string[];
}

/** The Express app over the services. It does not listen. */
export function createApp(parts: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(requestIds(), measureRequests(parts));
  app.use((_request, response, next) => {
    response.set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    // The next request of this connection goes to the server that follows.
    if (parts.stopping.aborted) response.set('connection', 'close');
    next();
  });
  app.use(healthRoutes({ checkStorage: () => parts.watch.check(), stopping: parts.stopping }));
  app.use(metricsRoutes(() => parts.metrics.read()));
  if (parts.withApi !== false) {
    app.use(docsRoutes(), artlyRoutes(parts));
    app.use(operatorRoutes(parts));
    app.use(dashboardFiles(parts.operatorSignIn));
  }
  app.use(notFound);
  app.use(answerError(parts.log));
  return app;
}
