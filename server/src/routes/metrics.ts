import { Router } from 'express';
import { endpoint } from './endpoint.ts';

/** For Prometheus; no key needed, as it names no site, member or job. */
export function metricsRoutes(read: () => Promise<{ contentType: string; text: string }>): Router {
  const router = Router();
  endpoint(router, '/metrics', {
    get: async (_request, response) => {
      const { contentType, text } = await read();
      response.set('content-type', contentType).send(text);
    },
  });
  return router;
}
