import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';

const START = '/artly/sync/points-balances/start';

describe('A body of NDJSON', () => {
  for (const gzip of [false, true]) {
    it(`${gzip ? 'in gzip ' : ''}is applied like an array`, async (context) => {
      const site = await startTestServer(context);
      const lines = members(6_000).map((member) => `${JSON.stringify(member)}\n`);
      const jobId = await startNdjson(site, lines.join(''), gzip);
      const job = await site.waitFor(jobId, hasEnded);
      assert.equal(job.status, 'completed');
      assert.equal(job.inserted, 6_000);
      const balances = await site.balances();
      assert.equal(balances.size, 6_000);
      assert.equal(balances.get('6000 points'), '60000');
    });
  }

  it('is taken by the old endpoint too', async (context) => {
    const site = await startTestServer(context);
    const response = await site.fetch('/artly/sync/points-balances', {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{"wp_user_id":1,"email":"a@shop.example","points_balance":5}\n',
    });
    assert.deepEqual(await response.json(), { success: true, updated: 1 });
  });

  it('leaves nothing when a late line is broken', async (context) => {
    const site = await startTestServer(context);
    const lines = members(30_000).map((member) => JSON.stringify(member));
    const body = `${lines.join('\n')}\n{"wp_user_id":`;
    const response = await site.fetch(START, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
    });
    assert.equal(response.status, 400);
    const { error, message } = (await response.json()) as { error: string; message: string };
    assert.equal(error, 'INVALID_JSON');
    assert.match(message, /^Line 30001 /);
    assert.deepEqual((await site.call('/artly/sync/jobs')).json.jobs, []);
  });
});

it('A sender of a byte now and then is refused, though it never stops', async (context) => {
  const site = await startTestServer(context, { environment: { ARTLY_BODY_IDLE_SECONDS: '1' } });
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const outgoing = request(`${site.url}${START}`, {
    method: 'POST',
    headers: { 'x-artly-secret': site.key, 'content-type': 'application/json' },
  });
  const drip = setInterval(() => outgoing.write(' '), 100);
  outgoing.on('response', (answer) => {
    clearInterval(drip);
    let text = '';
    answer.on('data', (piece) => {
      text += piece;
    });
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
  });
  outgoing.on('error', reject);
  const { status, text } = await promise;
  outgoing.destroy();
  assert.equal(status, 408);
  assert.match(text, /BODY_STALLED.*Less than 1 KiB/);
  assert.deepEqual((await site.call('/artly/sync/jobs')).json.jobs, []);
});

async function startNdjson(site: TestSite, text: string, gzip: boolean): Promise<string> {
  const response = await site.fetch(START, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...(gzip && { 'content-encoding': 'gzip' }) },
    body: gzip ? gzipSync(text) : text,
  });
  assert.equal(response.status, 202);
  return ((await response.json()) as { jobId: string }).jobId;
}
