import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createGzip } from 'node:zlib';
import { jsonOf, RawRequest, requestHead } from '../http/rawRequest.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, TestSite, temporaryFolder } from '../support/testServer.ts';

const START = '/artly/sync/points-balances/start';
const MIB = 1024 ** 2;
/** How much the memory of the server may rise above its highest: what a few chunks under way take, not the body. */
const GROWTH_MIB = 120;
/** A hostile body is refused within this time. */
const REFUSED_MS = 15_000;
/** Meanwhile, somebody else's status is answered within the first, and a small job done within the second. */
const LOOK_MS = 1_000;
const SMALL_JOB_MS = 5_000;

describe('A hostile body', { skip: process.platform !== 'linux' && 'memory is read from /proc' }, () => {
  test('that unpacks to a gigabyte of empty lines is refused at the limit, in little memory', async (t) => {
    const body = await bombOf(1024 * MIB, { head: '', fill: '\n' });
    t.diagnostic(`${body.length} bytes of gzip`);
    const environment = { ARTLY_MAX_BODY_BYTES: `${128 * MIB}` };
    await assertRefused(t, { body, gzip: true, type: 'application/x-ndjson', environment });
  });

  test('that unpacks to 500 million bad records is refused at the limit, in little memory', async (t) => {
    const body = await bombOf(1024 * MIB, { head: '[', fill: '1,' });
    const environment = { ARTLY_MAX_RECORDS: '2000000' };
    await assertRefused(t, { body, gzip: true, code: 'TOO_MANY_RECORDS', environment });
  });

  test('that unpacks to one endless text is refused, in little memory', async (t) => {
    const bomb = await bombOf(1024 * MIB, { head: '["', fill: 'x' });
    await assertRefused(t, { body: bomb, gzip: true, code: 'RECORD_TOO_LARGE' });
  });

  test('of 100 MB without a comma is refused, in little memory', async (t) => {
    const body = Buffer.concat([Buffer.from('["'), Buffer.alloc(100_000_000, 'x')]);
    await assertRefused(t, { body, code: 'RECORD_TOO_LARGE' });
  });

  test('of 100 MB of digits is refused, in little memory', async (t) => {
    const body = Buffer.concat([Buffer.from('['), Buffer.alloc(100_000_000, '1')]);
    await assertRefused(t, { body, code: 'RECORD_TOO_LARGE' });
  });

  test('of 100 MB in one line of NDJSON is refused, in little memory', async (t) => {
    const body = Buffer.alloc(100_000_000, 'x');
    await assertRefused(t, { body, type: 'application/x-ndjson', code: 'RECORD_TOO_LARGE' });
  });

  for (const [what, depth] of [
    ['100,000 arrays', '['],
    ['100,000 objects', '{"a":'],
  ] as const) {
    test(`that nests ${what} is refused or rejected, in little memory`, async (t) => {
      const { server, site, attack } = await attackedServer(t);
      const close = depth === '[' ? ']' : '}';
      const nested = `${depth.repeat(100_000)}1${close.repeat(100_000)}`;
      const { status, json } = await attack({ body: Buffer.from(`[${nested}]`) });
      if (status === 202) {
        const job = await site.waitFor(json.jobId as string, hasEnded);
        assert.deepEqual([job.status, job.rejected], ['completed', 1]);
      } else {
        assert.equal(status, 400);
      }
      assertFlat(t, server);
    });
  }

  test('that comes byte by byte is refused, and others don’t wait for it', async (t) => {
    const { server, site } = await attackedServer(t, { ARTLY_BODY_IDLE_SECONDS: '1' });
    const from = performance.now();
    const request = new RawRequest(site.url);
    const signedIn = { 'x-artly-secret': PROCESS_KEY, 'content-type': 'application/json' };
    await request.write(requestHead(START, { ...signedIn, 'content-length': 1_000 }));
    let answered = false;
    const answer = request.answer.finally(() => {
      answered = true;
    });
    const dripping = setInterval(() => {
      if (!answered) void request.write(' ');
    }, 500);
    t.after(() => clearInterval(dripping));
    await assertOthersServed(site, () => answered);
    const { status, error } = jsonOf(await answer);
    assert.deepEqual([status, error], [408, 'BODY_STALLED']);
    assert.ok(performance.now() - from < REFUSED_MS);
    assertFlat(t, server);
  });
});

interface Attack {
  body: Buffer;
  gzip?: boolean;
  type?: string;
}

async function assertRefused(
  t: TestContext,
  {
    code = 'BODY_TOO_LARGE',
    environment = {},
    ...body
  }: Attack & { code?: string; environment?: NodeJS.ProcessEnv },
): Promise<void> {
  const { server, site, attack } = await attackedServer(t, environment);
  const { status, json } = await attack(body);
  assert.deepEqual([status, json.error], [413, code]);
  assert.equal(((await site.call('/artly/sync/jobs')).json.jobs as { total: number }[]).length > 0, true);
  assertFlat(t, server);
}

/** A server that has done some work, so that its memory has the size of one at work. */
async function attackedServer(t: TestContext, environment: NodeJS.ProcessEnv = {}) {
  const databaseFile = join(await temporaryFolder(t), 'artly.db');
  const { server, url } = await ServerProcess.start(t, { databaseFile, environment });
  const site = new TestSite(url, PROCESS_KEY);
  await site.waitFor(await site.start(members(50_000)), hasEnded);
  const before = { server, rss: memoryOf(server, 'VmRSS'), peak: memoryOf(server, 'VmHWM') };

  const attack = async ({ body, gzip = false, type = 'application/json' }: Attack) => {
    let answered = false;
    const from = performance.now();
    const headers = { 'content-type': type, ...(gzip && { 'content-encoding': 'gzip' }) };
    const answer = site
      .fetch(START, { method: 'POST', headers, body })
      .then(async (response) => ({
        status: response.status,
        json: (await response.json()) as Record<string, unknown>,
      }))
      .finally(() => {
        answered = true;
      });
    const [result] = await Promise.all([answer, assertOthersServed(site, () => answered)]);
    const took = Math.round(performance.now() - from);
    t.diagnostic(`answered ${result.status} after ${took} ms`);
    assert.ok(took < REFUSED_MS, `it took ${took} ms`);
    return result;
  };
  return { server: before, site, attack };
}

/** Again and again until the attack is answered, but once at least. */
async function assertOthersServed(site: TestSite, attackAnswered: () => boolean): Promise<void> {
  let from = 7_000_000;
  do {
    const begun = performance.now();
    const jobId = await site.start(members(20, { from }));
    from += 20;
    const job = await site.waitFor(jobId, hasEnded);
    assert.equal(job.inserted, 20);
    const took = performance.now() - begun;
    assert.ok(took < SMALL_JOB_MS, `a small job took ${Math.round(took)} ms meanwhile`);
    const looked = performance.now();
    await site.job(jobId);
    const answered = performance.now() - looked;
    assert.ok(answered < LOOK_MS, `status took ${Math.round(answered)} ms meanwhile`);
  } while (!attackAnswered());
}

function assertFlat(
  t: TestContext,
  { server, rss, peak }: { server: ServerProcess; rss: number; peak: number },
): void {
  const grown = memoryOf(server, 'VmHWM') - peak;
  t.diagnostic(
    `at work ${rss} MiB and at its highest ${peak} MiB; the attack raised the highest by ${grown} MiB`,
  );
  assert.ok(grown < GROWTH_MIB, `the highest rose by ${grown} MiB`);
}

function memoryOf({ pid }: ServerProcess, field: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1024);
}

/** So many bytes of one character, packed; they never stand in memory at once. */
async function bombOf(bytes: number, { head, fill }: { head: string; fill: string }): Promise<Buffer> {
  const piece = Buffer.alloc(MIB, fill);
  const gzip = createGzip();
  const packed: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => packed.push(chunk));
  gzip.write(head);
  for (let written = 0; written < bytes; written += piece.length) {
    if (!gzip.write(piece)) await new Promise((resolve) => gzip.once('drain', resolve));
  }
  await new Promise((resolve) => gzip.end(resolve));
  return Buffer.concat(packed);
}
