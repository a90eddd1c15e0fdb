import type { Request, RequestHandler, Response, Router } from 'express';
import { SyncError } from '../domain/errors.ts';

type Handler = (request: Request, response: Response) => Promise<void> | void;
type Method = 'get' | 'post' | 'put' | 'delete';

/**
 * One path with all that can be done there. Any other method is answered with 405 and what is allowed;
 * `before` runs only for the allowed ones.
 */
export function endpoint(
  router: Router,
  path: string,
  { before = [], ...handlers }: { before?: RequestHandler[] } & Partial<Record<Method, Handler>>,
): void {
  const route = router.route(path);
  const methods = Object.keys(handlers) as Method[];
  for (const method of methods) {
    const handler = handlers[method] as Handler;
    route[method](...before, (request, response) => handler(request, response));
  }
  const allowed = methods
    .flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
    .join(', ');
  route.all((request, response) => {
    response.set('allow', allowed);
    throw new SyncError('METHOD_NOT_ALLOWED', `${request.method} is not possible here: use ${allowed}.`);
  });
}
