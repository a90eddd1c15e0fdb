import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { JobStatus } from '../../src/domain/job.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, startTestServer, TestSite, temporaryFolder } from '../support/testServer.ts';
import { assertGrowing, EventClient, SocketClient } from './liveClients.ts';
import { RestingWorker } from './restingWorker.ts';

const READERS = 200;
const MOST_MORE_MB = 50;
const RECORDS = 300_000;
/** More than the network between the two keeps: so many versions, each so long. */
const VERSIONS = 1_000;
const LONG = 'x'.repeat(100_000);

/** Node's flags as `npm start` has them: they keep what waits for the collector small. */
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const AS_STARTED = ['--max-semi-space-size=1', '--initial-old-space-size=16', CLI, 'serve'];

describe('A reader that is slow', () => {
  it('skips what it had no time for, and gets the newest version, by events and on a WebSocket', async (test) => {
    const { shop, jobId, publish } = await shopWithLongVersions(test);
    const events = await EventClient.open(shop, jobId);
    const socket = await SocketClient.open(test, shop);
    socket.send({ watch: jobId });
    await socket.until(({ job }) => job);
    socket.socket.pause();
    for (let at = 1; at < VERSIONS; at += 1) await publish('running');
    await publish('completed');
    socket.socket.resume();
    const seen = (await events.all()).map(({ job }) => job);
    await socket.until(({ job }) => job && hasEnded(job));
    for (const jobs of [seen, socket.jobs(jobId)]) {
      assertGrowing(jobs.map(({ version }) => version));
      assert.equal(jobs.at(-1)?.status, 'completed');
      assert.ok(jobs.length < VERSIONS / 2, `${jobs.length} of ${VERSIONS} came`);
    }
  });

  it('is given up after some signs of life that it did not take, and makes room', async (test) => {
    const { shop, jobId, publish } = await shopWithLongVersions(test, { heartbeatMs: 100 });
    const silent = silentEvents(shop, jobId);
    test.after(() => silent.destroy());
    const { watchers } = shop.server.parts;
    while (watchers.open.events === 0) await pause(2);
    while (watchers.open.events > 0) await publish('running');
  });
});

describe(`${READERS} readers that never read`, () => {
  it(`take at most ${MOST_MORE_MB} MB of the server’s memory while a job runs`, async (test) => {
    const databaseFile = join(await temporaryFolder(test), 'artly.db');
    const { server, url } = await ServerProcess.start(test, { databaseFile, command: AS_STARTED });
    const site = new TestSite(url, PROCESS_KEY);
    await site.waitFor(await site.start(members(RECORDS)), hasEnded);
    const before = peakMegabytes(server.pid);
    const jobId = await site.start(members(RECORDS, { balance: (id) => id }));
    for (let at = 0; at < READERS / 2; at += 1) {
      const silent = silentEvents(site, jobId);
      test.after(() => silent.destroy());
    }
    for (let at = 0; at < READERS / 2; at += 1) {
      const { socket } = await SocketClient.open(test, site);
      socket.send(JSON.stringify({ watch: jobId }));
      socket.pause();
    }
    const { version } = await site.waitFor(jobId, hasEnded);
    assert.ok(version > 100);
    const more = peakMegabytes(server.pid) - before;
    test.diagnostic(`${more.toFixed(1)} MB more than for the same job without readers`);
    assert.ok(more <= MOST_MORE_MB, `${more} MB more`);
  });
});

/** A job that rests, and a way to tell its watchers of many long versions, faster than any of them reads. */
async function shopWithLongVersions(test: TestContext, options: { heartbeatMs?: number } = {}) {
  const worker = new RestingWorker();
  test.after(() => worker.letAll());
  const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage, ...options });
  const jobId = await shop.start(members(100));
  const { jobs, sites } = shop.server.parts;
  const { siteId } = await sites.signIn(shop.key);
  const job = await jobs.find(siteId, jobId);
  let version = 0;
  const publish = async (status: JobStatus) => {
    version += 10;
    jobs.changed({ ...job, status, version, stepMessage: LONG });
    // The server goes on writing, while the readers of this process read nothing in between.
    if (version % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  return { shop, jobId, publish };
}

/** Asks for events and reads none of the answer. */
function silentEvents({ url, key }: TestSite, jobId: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => undefined);
  socket.write(
    `GET /artly/sync/jobs/${jobId}/events HTTP/1.1\r\nhost: shop\r\nx-artly-secret: ${key}\r\n\r\n`,
  );
  return socket;
}

function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6;
}
