import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, type JobJson, members, TestSite, temporaryFolder } from '../support/testServer.ts';
import { assertGrowing, EventClient, SocketClient } from './liveClients.ts';

const RECORDS = 300_000;
const STOP_MS = 10_000;

test('SIGTERM ends events with a hint, sockets with 1012 and long polls with an answer; who comes again goes on', async (t) => {
  const databaseFile = join(await temporaryFolder(t), 'artly.db');
  const { server, site } = await started(t, databaseFile);
  const jobId = await site.start(members(RECORDS));
  const before = await watchAll(t, { site, jobId });
  await before.seen;
  const from = performance.now();
  const exit = await server.stop('SIGTERM');
  assert.deepEqual(exit, { code: 0, signal: null }, server.complaints.join(''));
  assert.ok(performance.now() - from < STOP_MS);

  const events = await before.events;
  assert.ok((before.client.retryMs ?? 0) >= 1_000, 'a hint after how long to come again');
  const { code, reason } = await before.socket.closed;
  assert.deepEqual([code, reason], [1012, 'The server stops: come again.']);
  assert.equal((await before.poll).status, 200);

  const { site: again } = await started(t, databaseFile);
  const lastEvent = events.at(-1) ?? 0;
  const lastMessage = before.socket.jobs(jobId).at(-1)?.version ?? 0;
  const resumed = await EventClient.open(again, jobId, { headers: { 'last-event-id': String(lastEvent) } });
  const socket = await SocketClient.open(t, again);
  socket.send({ watch: jobId, version: lastMessage });
  const rest = await resumed.all();
  assertGrowing([...events, ...rest.map(({ id }) => id)]);
  assert.equal(rest.at(-1)?.job.status, 'completed');
  const { job } = await socket.until((message) => message.job && hasEnded(message.job));
  assert.equal(job?.processed, RECORDS);
  assertGrowing([...before.socket.jobs(jobId), ...socket.jobs(jobId)].map(({ version }) => version));
});

test('SIGTERM ends the server in time also with clients that read nothing', async (t) => {
  const databaseFile = join(await temporaryFolder(t), 'artly.db');
  const { server, site } = await started(t, databaseFile);
  const jobId = await site.start(members(RECORDS));
  const socket = await SocketClient.open(t, site);
  socket.send({ watch: jobId });
  await socket.until(({ job }) => job);
  socket.socket.pause();
  const { hostname, port } = new URL(site.url);
  const silent = connect(Number(port), hostname)
    .pause()
    .on('error', () => undefined);
  silent.write(
    `GET /artly/sync/jobs/${jobId}/events HTTP/1.1\r\nhost: x\r\nx-artly-secret: ${site.key}\r\n\r\n`,
  );
  t.after(() => silent.destroy());
  await site.waitFor(jobId, ({ processed }) => processed > 0);
  const from = performance.now();
  assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null }, server.complaints.join(''));
  assert.ok(performance.now() - from < STOP_MS);
});

async function started(t: TestContext, databaseFile: string) {
  const { server, url } = await ServerProcess.start(t, { databaseFile });
  return { server, site: new TestSite(url, PROCESS_KEY) };
}

/** One watcher of each kind on a job that runs. */
async function watchAll(t: TestContext, { site, jobId }: { site: TestSite; jobId: string }) {
  const client = await EventClient.open(site, jobId);
  const ids: number[] = [];
  const first = Promise.withResolvers<void>();
  const events = (async () => {
    for await (const { id, job } of client.events()) {
      ids.push(id);
      if (job.processed > 0) first.resolve();
    }
    return ids;
  })();
  const socket = await SocketClient.open(t, site);
  socket.send({ watch: jobId });
  const running = ({ job }: { job?: JobJson }) => job !== undefined && job.processed > 0;
  const seen = Promise.all([first.promise, socket.until(running)]);
  // A version that the job does not reach: only the stop answers this one.
  const poll = site.call(`/artly/sync/points-balances/status?jobId=${jobId}&version=999999&wait=25`);
  return { client, events, socket, poll, seen };
}
