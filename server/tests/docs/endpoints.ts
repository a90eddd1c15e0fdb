import type { Router } from 'express';
import { createApp } from '../../src/app.ts';
import type { Parts } from '../../src/compose.ts';
import { quietLog } from '../support/testServer.ts';

/** `GET /path` of all that a server of these parts answers, by walking the routers of Express. */
export function endpointsOf(parts: Parts): string[] {
  const stopping = new AbortController().signal;
  return endpointsIn(
    createApp({ ...parts, log: quietLog, stopping, bodyIdleMs: 1_000, browserOrigins: [] }).router,
  );
}

function endpointsIn(router: Router): string[] {
  return router.stack.flatMap((layer) => {
    if (layer.route) {
      const { path, stack } = layer.route;
      const methods = new Set(stack.flatMap(({ method }) => (method ? [method.toUpperCase()] : [])));
      return [...methods].map((method) => `${method} ${path}`);
    }
    const inner = layer.handle as unknown as Partial<Router>;
    return Array.isArray(inner.stack) ? endpointsIn(inner as Router) : [];
  });
}
