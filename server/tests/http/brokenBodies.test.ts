import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { SyncError } from '../../src/domain/errors.ts';
import { members, startTestServer, type TestSite } from '../support/testServer.ts';
import { jsonOf, RawRequest, requestHead } from './rawRequest.ts';
import { withMethods } from './spies.ts';

const START = '/artly/sync/points-balances/start';
const CANCEL = '/artly/sync/points-balances/cancel';

describe('A body whose sender goes away half-way', () => {
  it('leaves no job, no record and nothing to clean up', async (test) => {
    const staged = Promise.withResolvers<void>();
    const discarded = Promise.withResolvers<string>();
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        stage: async (upload) => {
          await real.stage(upload);
          staged.resolve();
        },
        discardUpload: async (upload) => {
          await real.discardUpload(upload);
          discarded.resolve(upload.jobId);
        },
      })),
    });
    const body = JSON.stringify(members(30_000));
    const request = new RawRequest(shop.url);
    await request.write(requestHead(START, { ...signedIn(shop), 'content-length': body.length }));
    await request.write(body.slice(0, body.length - 1_000));
    await staged.promise;
    request.cut();
    const jobId = await discarded.promise;
    assert.equal((await shop.call(`/artly/sync/jobs/${jobId}`)).status, 404);
    assert.deepEqual((await shop.call('/artly/sync/jobs')).json.jobs, []);
    assert.equal((await shop.balances()).size, 0);
  });

  it('does not hold up the next job of the site', async (test) => {
    const shop = await startTestServer(test);
    const request = new RawRequest(shop.url);
    await request.write(requestHead(START, { ...signedIn(shop), 'content-length': 5_000 }));
    await request.write('[{"wp_user_id":1,');
    const job = await shop.waitFor(await shop.start(members(3)), ({ status }) => status === 'completed');
    assert.equal(job.inserted, 3);
    request.cut();
  });
});

describe('A body that stops coming', { timeout: 20_000 }, () => {
  for (const path of [START, '/artly/sync/points-balances', CANCEL]) {
    it(`is answered with 408 BODY_STALLED at ${path}, and changes nothing`, async (test) => {
      const shop = await startTestServer(test, { environment: { ARTLY_BODY_IDLE_SECONDS: '1' } });
      const request = new RawRequest(shop.url);
      // A server that waits for ever would never close the connection: then this test does.
      const cut = setTimeout(() => request.cut(), 5_000);
      await request.write(requestHead(path, { ...signedIn(shop), 'content-length': 1_000 }));
      await request.write('[{"wp_user_id":1,');
      const answer = await request.answer;
      clearTimeout(cut);
      assert.notEqual(answer, '', 'the server never answered');
      const { status, error, message } = jsonOf(answer);
      assert.deepEqual([status, error], [408, 'BODY_STALLED']);
      assert.match(message ?? '', /1 s/);
      assert.deepEqual((await shop.call('/artly/sync/jobs')).json.jobs, []);
    });
  }

  it('may be slow, as long as it goes on', async (test) => {
    const shop = await startTestServer(test, { environment: { ARTLY_BODY_IDLE_SECONDS: '1' } });
    const request = new RawRequest(shop.url);
    const body = JSON.stringify(members(1));
    await request.write(requestHead(START, { ...signedIn(shop), 'content-length': body.length }));
    const step = Math.ceil(body.length / 4);
    for (let at = 0; at < body.length; at += step) {
      await request.write(body.slice(at, at + step));
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    assert.match(await request.answer, /^HTTP\/1.1 202 /);
  });
});

describe('A body that is refused while it still comes in', () => {
  const BROKEN: [what: string, body: Buffer, code: string][] = [
    ['plain text', Buffer.alloc(8_000_000, 'x'), 'INVALID_JSON'],
    [
      'a record without end',
      Buffer.concat([Buffer.from('["'), Buffer.alloc(8_000_000, 'x')]),
      'RECORD_TOO_LARGE',
    ],
    ['no gzip', Buffer.alloc(8_000_000, 'x'), 'BROKEN_GZIP'],
  ];
  for (const [what, body, code] of BROKEN) {
    it(`is answered, also to a client that reads only when all is sent: ${what}`, async (test) => {
      const shop = await startTestServer(test);
      const request = new RawRequest(shop.url);
      const encoding: Record<string, string> = code === 'BROKEN_GZIP' ? { 'content-encoding': 'gzip' } : {};
      await request.write(
        requestHead(START, { ...signedIn(shop), ...encoding, 'content-length': body.length }),
      );
      const cut = setTimeout(() => request.cut(), 10_000);
      await request.write(body);
      const answer = await request.answer;
      clearTimeout(cut);
      assert.notEqual(answer, '', 'the server closed the connection without an answer');
      assert.equal(jsonOf(answer).error, code);
    });
  }

  it('leaves nothing of the records that were kept before', async (test) => {
    const shop = await startTestServer(test);
    const good = JSON.stringify(members(30_000)).slice(0, -1);
    const { status, json } = await sendText(shop, `${good},{"wp_user_id":}]`);
    assert.deepEqual([status, json.error], [400, 'INVALID_JSON']);
    assert.deepEqual((await shop.call('/artly/sync/jobs')).json.jobs, []);
  });
});

describe('A body in gzip', () => {
  it('is the same job as the plain one', async (test) => {
    const shop = await startTestServer(test);
    const response = await shop.fetch(START, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'GZIP' },
      body: gzipSync(JSON.stringify(members(120))),
    });
    assert.equal(response.status, 202);
    const { jobId } = (await response.json()) as { jobId: string };
    const job = await shop.waitFor(jobId, ({ status }) => status === 'completed');
    assert.equal(job.inserted, 120);
  });
});

describe('A start that the storage can’t take', () => {
  it('is answered with the reason, and the next one goes through', async (test) => {
    let full = true;
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        accept: async (upload) => {
          if (full)
            throw new SyncError('STORAGE_FULL', 'The disk under the database is full: make room on it.');
          return real.accept(upload);
        },
      })),
    });
    const { status, json } = await shop.call(START, members(2));
    assert.deepEqual([status, json.error], [507, 'STORAGE_FULL']);
    assert.deepEqual((await shop.call('/artly/sync/jobs')).json.jobs, []);
    full = false;
    await shop.start(members(2));
  });
});

describe('What stays of a broken body because the storage was away', () => {
  it('goes by itself when the storage is back', async (test) => {
    let refusals = 2;
    const discarded = Promise.withResolvers<void>();
    const shop = await startTestServer(test, {
      wrapStorage: withMethods((real) => ({
        discardUpload: async (upload) => {
          if (refusals-- > 0) throw new SyncError('STORAGE_FULL', 'The disk is full.');
          await real.discardUpload(upload);
          discarded.resolve();
        },
      })),
    });
    assert.equal((await sendText(shop, '[{')).json.error, 'BODY_TRUNCATED');
    await discarded.promise;
  });
});

async function sendText(shop: TestSite, body: string) {
  const response = await shop.fetch(START, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, json: (await response.json()) as { error?: string } };
}

function signedIn({ key }: { key: string }): Record<string, string> {
  return { 'x-artly-secret': key, 'content-type': 'application/json' };
}
