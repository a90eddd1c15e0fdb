import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SyncError } from '../../src/domain/errors.ts';
import type { Log } from '../../src/domain/log.ts';
import { PRODUCT } from '../../src/product.ts';
import { startTestServer } from '../support/testServer.ts';
import { withMethods } from './spies.ts';

describe('The health of a server', () => {
  it('is "ok" at healthz and "ready" at readyz, with name and version', async (test) => {
    const shop = await startTestServer(test);
    assert.deepEqual(await shop.call('/healthz'), {
      status: 200,
      json: { success: true, status: 'ok', ...PRODUCT },
    });
    assert.deepEqual(await shop.call('/readyz'), {
      status: 200,
      json: { success: true, status: 'ready', ...PRODUCT },
    });
  });

  it('is 503 at readyz while its storage is away, and 200 at healthz', async (test) => {
    let away = true;
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        check: async (none) => {
          if (away)
            throw new SyncError(
              'STORAGE_UNAVAILABLE',
              'The disk under the database failed: look at the disk.',
            );
          return real.check(none);
        },
      })),
    });
    const { status, json } = await shop.call('/readyz');
    assert.deepEqual([status, json.error], [503, 'STORAGE_UNAVAILABLE']);
    assert.equal((await shop.call('/healthz')).status, 200);
    away = false;
    assert.equal((await shop.call('/readyz')).status, 200);
  });
});

describe('A mistake of the server', () => {
  it('is answered with INTERNAL and tells nothing of the inside, which stands in the log', async (test) => {
    const errors: string[] = [];
    const log: Log = {
      debug() {},
      info() {},
      warn() {},
      error: (event, details) => errors.push(`${event} ${JSON.stringify(details)}`),
    };
    const shop = await startTestServer(test, {
      log,
      wrapStorage: withMethods(() => ({
        listJobs: async () => {
          throw new TypeError('the password is hunter2');
        },
      })),
    });
    const response = await shop.fetch('/artly/sync/jobs');
    const text = await response.text();
    assert.equal(response.status, 500);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(JSON.parse(text).error, 'INTERNAL');
    assert.doesNotMatch(text, /hunter2|TypeError|\.ts/);
    assert.match(errors.join('\n'), /request\.failed .*hunter2/);
  });

  it('in the middle of a stream breaks the answer off, so that nobody takes it for whole', async (test) => {
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        listBalances: async (page) => {
          if (page.afterUserId > 0) throw new TypeError('broken');
          const email = 'a@shop.example';
          const balances = Array.from({ length: page.limit }, (_, at) => ({ wpUserId: at + 1, email }));
          await real.check({});
          return balances.map((one) => ({ ...one, pointsType: 'points', tenThousandths: 1n }));
        },
      })),
    });
    const response = await shop.fetch('/artly/points-balances', {
      headers: { accept: 'application/x-ndjson' },
    });
    assert.equal(response.status, 200);
    await assert.rejects(response.text());
  });
});

describe('Answers', () => {
  it('are never kept by anyone on the way, and never guessed to be HTML', async (test) => {
    const shop = await startTestServer(test);
    for (const path of ['/healthz', '/artly/sync/jobs', '/nothing']) {
      const response = await shop.fetch(path, { headers: { accept: 'text/html' } });
      await response.text();
      assert.equal(response.headers.get('cache-control'), 'no-store', path);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(response.headers.get('x-powered-by'), null, path);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/, path);
    }
  });
});
