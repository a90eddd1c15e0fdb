import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Router } from 'express';
import { createApp } from '../../src/app.ts';
import { quietLog, startTestServer } from '../support/testServer.ts';
import { type Message, runSteps, stepsOf } from './examples.ts';
import { readDoc, tableRows } from './markdown.ts';

const doc = readDoc('api.md');
const KEY = /artly_[0-9a-f]{16}_[\w-]{43}|artly_[0-9a-f]{16}_…/g;
const CURSOR = /"\d{13}-\d+"/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

describe('docs/api.md', () => {
  it('lists every endpoint of the server, and no other', async (test) => {
    const { server } = await startTestServer(test);
    const app = createApp({
      ...server.parts,
      log: quietLog,
      stopping: new AbortController().signal,
      bodyIdleMs: 1_000,
    });
    const listed = tableRows(doc, 'call', 'does').map(([call]) => call as string);
    assert.deepEqual([...listed].sort(), endpointsOf(app.router).sort());
  });

  it('has an example of every endpoint', () => {
    const requests = stepsOf(doc).flatMap((step) => ('request' in step ? [step.request.first] : []));
    for (const [call] of tableRows(doc, 'call', 'does')) {
      const pattern = new RegExp(`^${(call as string).replaceAll(/:\w+/g, '[^/?]+')}(\\?|$)`);
      assert.ok(
        requests.some((request) => pattern.test(request)),
        `${call} has no example`,
      );
    }
  });

  it('has examples that are true', async (test) => {
    let count = 0;
    await runSteps(test, stepsOf(doc), ({ request, answer }, real) => {
      count += 1;
      assert.equal(real.first, answer.first, `${request.first}: ${real.body}`);
      for (const [name, value] of Object.entries(answer.headers)) {
        assert.equal(real.headers[name.toLowerCase()], value, `${request.first}: ${name}`);
      }
      assert.deepEqual(bodyOf(real), bodyOf(answer), request.first);
    });
    assert.ok(count >= 15, `only ${count} examples ran`);
  });
});

/** `GET /path` of all that was registered, by walking the routers of Express. */
function endpointsOf(router: Router): string[] {
  return router.stack.flatMap((layer) => {
    if (layer.route) {
      const { path, stack } = layer.route;
      const methods = new Set(stack.flatMap(({ method }) => (method ? [method.toUpperCase()] : [])));
      return [...methods].map((method) => `${method} ${path}`);
    }
    const inner = layer.handle as unknown as Partial<Router>;
    return Array.isArray(inner.stack) ? endpointsOf(inner as Router) : [];
  });
}

/** JSON as its value and other text as it is, with times and keys that can't be foretold made equal. */
function bodyOf({ body }: Message): unknown {
  const text = body
    .replaceAll(TIME, '<time>')
    .replaceAll(KEY, '<key>')
    .replaceAll(CURSOR, '"<cursor>"')
    .replaceAll('\r\n', '\n');
  return text.startsWith('{') && !text.includes('}\n{') ? JSON.parse(text) : text;
}
