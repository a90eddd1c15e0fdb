import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { RawRequest, requestHead } from '../http/rawRequest.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, TestSite, temporaryFolder } from '../support/testServer.ts';
import { runCli } from './runCli.ts';

const START = '/artly/sync/points-balances/start';
/** Records of the job in the middle of which the server dies. */
export const LARGE = 60_000;
/** A member with events. */
const EVENTFUL = 7;
/** The members of the job that waits behind it, above all of its. */
export const WAITING = { from: 100_001, count: 40 };

/**
 * A SQLite file as a server leaves it that was killed at work: with sites, jobs in every state, one of them half applied,
 * one in parts of which one is missing, a broken upload, removed balances, rejects, and keys of starts.
 */
export async function fullFile(test: TestContext) {
  const path = join(await temporaryFolder(test), 'full.db');
  const { server, url } = await ServerProcess.start(test, { databaseFile: path });
  const keys = await addSites(`sqlite:${path}`);
  const [shop, second] = [new TestSite(url, keys.a), new TestSite(url, keys.b)];
  await fillFirst(shop);
  const { partsJob } = await fillSecond(second);
  await breakUpload(path, new TestSite(url, keys.c));
  await runCli(['sites', 'revoke', 'https://c.example'], { DATABASE_URL: `sqlite:${path}` });
  const pictures = [await pictureOf(shop), await pictureOf(second)];
  const large = await half(new TestSite(url, PROCESS_KEY));
  await server.stop('SIGKILL');
  assertInTheMiddle(path, large.halfJob);
  return { path, keys, pictures, partsJob, ...large };
}

/** Everything a site can read, but what a moment changes. */
export async function pictureOf(site: TestSite) {
  const read = async (path: string) => (await site.call(path)).json;
  const textOf = async (path: string, headers = {}) => (await site.fetch(path, { headers })).text();
  const { jobs } = (await read('/artly/sync/jobs?limit=1000')) as { jobs: { jobId: string }[] };
  const details = [];
  for (const { jobId } of jobs) {
    const at = `/artly/sync/jobs/${jobId}`;
    details.push([await read(at), await textOf(`${at}/rejects`), await read(`${at}/audit`)]);
  }
  const balances = await textOf('/artly/points-balances', { accept: 'application/x-ndjson' });
  const sums = await read('/artly/points-balances/checksums?size=1000');
  const users = await textOf('/artly/users', { accept: 'application/x-ndjson' });
  const events = await read(`/artly/points-events?wp_user_id=${EVENTFUL}`);
  return { jobs, details, balances, sums, users, events };
}

/** The start that the first site may send again. */
export async function startOnce(site: TestSite): Promise<string> {
  const response = await site.fetch(START, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'once' },
    body: JSON.stringify([
      ...members(50),
      { wp_user_id: 51, email: 'nobody', points_balance: 1 },
      { wp_user_id: 52, email: 'ö"\\é@shop.example', points_balance: '-922337203685477.5808' },
      {
        wp_user_id: 52,
        email: 'x@shop.example',
        points_balance: '922337203685477.5807',
        points_type: 'Gold 🏅',
      },
    ]),
  });
  return ((await response.json()) as { jobId: string }).jobId;
}

export function putPart(site: TestSite, jobId: string, n: number): Promise<Response> {
  return site.fetch(`/artly/sync/jobs/${jobId}/batches/${n}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([...members(20, { from: 100 * n + 1 }), { wp_user_id: 0 }]),
  });
}

async function addSites(DATABASE_URL: string) {
  const add = async (name: string): Promise<string> => {
    const { stdout } = await runCli(['sites', 'add', `https://${name}.example`, '--json'], { DATABASE_URL });
    return JSON.parse(stdout).key;
  };
  return { a: await add('a'), b: await add('b'), c: await add('c') };
}

/** A job with a key and a reject, and a snapshot that removes balances. */
async function fillFirst(site: TestSite): Promise<void> {
  await site.waitFor(await startOnce(site), hasEnded);
  const { json } = await site.call(`${START}?mode=snapshot`, members(40, { balance: (id) => id + 0.25 }));
  const { result } = await site.waitFor(json.jobId as string, hasEnded);
  assert.equal(result?.removed, 11);
  await bring(site, 'users', [
    { wp_user_id: 7, email: 'ö"\\é@shop.example', phone: '+351 1', locale: 'pt_BR', timezone: '+02:00' },
    { wp_user_id: 8, email: 'eight@shop.example' },
  ]);
  const event = { wp_user_id: EVENTFUL, email: 'seven@shop.example', created_at: '2026-11-24 09:21:53' };
  await bring(site, 'points-events', [
    { ...event, external_event_id: 'ö"\\1', event_type: 'expired', points_delta: '-922337203685477.5808' },
    {
      ...event,
      external_event_id: '2',
      event_type: 'order',
      source: 'shop',
      order_id: 99,
      points_delta: 1.5,
    },
  ]);
}

async function bring(site: TestSite, type: string, records: object[]): Promise<void> {
  const { json } = await site.call(`/artly/sync/${type}/start`, records);
  const job = await site.waitFor(json.jobId as string, hasEnded);
  assert.equal(job.inserted, records.length);
}

/** A job that failed, one that was cancelled, and one in parts of which the one in the middle is missing. */
async function fillSecond(site: TestSite): Promise<{ partsJob: string }> {
  await site.waitFor(await site.start(members(30)), hasEnded);
  const { json } = await site.call(`${START}?mode=snapshot`, members(2));
  const failed = await site.waitFor(json.jobId as string, hasEnded);
  assert.equal(failed.status, 'failed');
  const [partsJob, cancelled] = [await openParts(site), await openParts(site)];
  await site.call(`/artly/sync/jobs/${cancelled}/cancel`, {});
  for (const n of [0, 2]) assert.equal((await putPart(site, partsJob, n)).status, 200);
  return { partsJob };
}

async function openParts(site: TestSite): Promise<string> {
  const { json } = await site.call('/artly/sync/jobs', { type: 'points-balances' });
  return json.jobId as string;
}

/** An upload that is still coming in when the server dies. */
async function breakUpload(path: string, site: TestSite): Promise<void> {
  const body = JSON.stringify(members(30_000));
  const request = new RawRequest(site.url);
  const headers = { 'x-artly-secret': site.key, 'content-type': 'application/json' };
  await request.write(requestHead(START, { ...headers, 'content-length': body.length }));
  await request.write(body.slice(0, -1_000));
  const staged = 'SELECT 1 FROM job_batches JOIN jobs USING (job_seq) WHERE accepted = 0 AND in_parts = 0';
  while (read(path, staged).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A large job that has begun, and a small one behind it. */
async function half(site: TestSite): Promise<{ halfJob: string; waitingJob: string }> {
  const halfJob = await site.start(members(LARGE));
  const waitingJob = await site.start(members(WAITING.count, { from: WAITING.from }));
  await site.waitFor(halfJob, ({ processed }) => processed > 0);
  return { halfJob, waitingJob };
}

function assertInTheMiddle(path: string, jobId: string): void {
  const [row] = read(path, `SELECT status, processed FROM jobs WHERE job_id = '${jobId}'`);
  assert.equal(row?.status, 'running');
  assert.ok(Number(row?.processed) > 0 && Number(row?.processed) < LARGE, `processed ${row?.processed}`);
}

/** Looks into a SQLite file, beside whoever has it. */
export function read(path: string, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}
