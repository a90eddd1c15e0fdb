import { Router } from 'express';
import { SyncError } from '../domain/errors.ts';
import { PRODUCT } from '../product.ts';
import { endpoint } from './endpoint.ts';

/**
 * For those who watch over the server; no key needed. `healthz`: the process is up. `readyz`: it can work,
 * which means that its storage answers and takes writes.
 */
export function healthRoutes({
  checkStorage,
  stopping,
}: {
  checkStorage: () => Promise<void>;
  stopping: AbortSignal;
}): Router {
  const router = Router();
  endpoint(router, '/healthz', {
    get: (_request, response) => {
      response.json({ success: true, status: 'ok', ...PRODUCT });
    },
  });
  endpoint(router, '/readyz', {
    get: async (_request, response) => {
      if (stopping.aborted) throw new SyncError('SHUTTING_DOWN', 'The server is stopping: ask another one.');
      await checkStorage();
      response.json({ success: true, status: 'ready', ...PRODUCT });
    },
  });
  return router;
}
