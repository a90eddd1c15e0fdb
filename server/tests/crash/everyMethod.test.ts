import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Replacements } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import type { PostgresNotices } from '../../src/notices/postgresNotices.ts';
import type { Queue } from '../../src/queue/queue.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { systemClock } from '../../src/services/clock.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, member, removal } from '../support/batches.ts';
import { ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, quietLog, TestSite } from '../support/testServer.ts';
import { assertNothingLost, Sender, sendTo } from './afterCrash.ts';
import { type CrashDatabases, PostgresDatabases, SqliteFiles } from './crashDatabases.ts';
import { type Crash, FAILS, PASSES_LATER, type Ports, portMethods } from './crashes.ts';

const CRASHING_SERVER = fileURLToPath(new URL('./crashingServer.ts', import.meta.url));
/** A server that should have died and lives on is a failure after this long. */
const PATIENCE_MS = 10_000;
const DAY_MS = 86_400_000;
const OPERATOR_TOKEN = 'the-token-of-the-operator';
/** Beside the key of the site, which the sender adds. */
const AS_OPERATOR = { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } };

type Flow = (sender: Sender, server: ServerProcess) => Promise<unknown>;

/** What a site and its operator do, piece by piece: each piece runs into the methods that name it below. */
const flows = {
  start: async () => undefined,
  work: async (sender) => sender.until(await sender.start(160, { bad: 5 }), hasEnded),
  largeUpload: async (sender) => sender.until(await sender.start(17_000), hasEnded),
  repeat: async (sender) => {
    const start = await sender.start(70, { key: 'the same start' });
    await sendTo(sender.site, start);
    await sender.until(start, hasEnded);
  },
  parts: async (sender) =>
    sender.until(await sender.start(17_000, { bad: 2, key: 'in parts', parts: true }), hasEnded),
  // More than the balances that stand, so that nobody need confirm their removal.
  snapshot: async (sender) => sender.until(await sender.start(200, { snapshot: true }), hasEnded),
  brokenUpload: (sender) => sender.site.fetch('/artly/sync/points-balances/start', brokenBody()),
  cancel: async (sender) => sender.cancel(await sender.start(2_500)),
  retry: async (sender) => {
    const start = await sender.start(2_500);
    await sender.cancel(start);
    if (start.cancel === 'answered') await sender.retry(start);
    await sender.until(start, hasEnded);
  },
  pause: async (sender) => sender.until(await sender.start(PASSES_LATER), hasEnded),
  failure: async (sender) => sender.until(await sender.start(FAILS), hasEnded),
  stop: async (sender, server) => {
    const start = await sender.start(20_000);
    await sender.until(start, ({ processed }) => processed > 0);
    await server.stop('SIGTERM');
  },
  ticket: async (sender) => {
    const { jobId } = await sender.start(60);
    const { json } = await sender.site.call(`/artly/sync/jobs/${jobId}/ticket`, {});
    const events = `${sender.site.url}/artly/sync/jobs/${jobId}/events?ticket=${json.ticket}`;
    await fetch(events).then((answer) => answer.text());
  },
  read: async (sender) => {
    const { jobId } = await sender.start(60, { bad: 1 });
    await sender.site.waitFor(jobId, hasEnded);
    for (const path of READS)
      await sender.site.fetch(path.replace(':jobId', jobId), AS_OPERATOR).then((answer) => answer.text());
  },
  mend: async (sender) => {
    const { jobId } = await sender.start(60, { bad: 3 });
    await sender.site.waitFor(jobId, hasEnded);
    const { json } = await sender.site.call(`/artly/sync/jobs/${jobId}/retry`, { only: 'rejected' });
    await sender.site.waitFor(json.jobId as string, hasEnded);
  },
  // Of a site that there is not: the key of the one that there is, is needed after the crash.
  operate: (sender) => sender.site.fetch('/operator/sites/4711/revoke', { ...AS_OPERATOR, method: 'POST' }),
} satisfies Record<string, Flow>;

const READS = [
  '/readyz',
  '/metrics',
  '/artly/sync/jobs',
  '/artly/sync/jobs/:jobId/audit',
  '/artly/sync/jobs/:jobId/rejects',
  '/artly/points-balances',
  '/artly/points-balances/1000',
  '/artly/points-balances/checksums',
  '/artly/users',
  '/operator/jobs',
  '/operator/jobs/:jobId',
  '/operator/overview',
  '/operator/activity?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&step=hour',
];

/** The flow that runs into a method, and the calls at which to crash; or why none does. */
type How = { flow: keyof typeof flows; calls?: number[] } | { reason: string };

/** Every method of every port. */
const storageMethods: Record<keyof Storage, How> = {
  addSite: { reason: 'Only the command line makes sites, in a process of its own and one transaction.' },
  ensureSite: { flow: 'start' },
  rotateKey: { reason: 'Only the command line gives new keys.' },
  revokeSite: { reason: 'Only the command line revokes sites.' },
  dropSite: { reason: 'Only the command line removes sites, in slices: called again, it goes on.' },
  listSites: { reason: 'Only the command line lists sites, and it changes nothing.' },
  findKey: { flow: 'work' },
  noteSeen: { flow: 'work' },
  addTicket: { flow: 'ticket' },
  takeTicket: { flow: 'ticket' },
  openUpload: { flow: 'work' },
  stage: { flow: 'largeUpload' },
  accept: { flow: 'work' },
  acceptOnce: { flow: 'repeat', calls: [1, 2] },
  findRepeated: { flow: 'repeat' },
  discardUpload: { flow: 'brokenUpload' },
  openParts: { flow: 'parts' },
  acceptPart: { flow: 'parts', calls: [1, 2] },
  commitParts: { flow: 'parts' },
  listParts: { flow: 'parts' },
  abandonParts: { flow: 'start' },
  claim: { flow: 'work' },
  applyNext: { flow: 'work', calls: [1, 2, 4] },
  countMissing: { flow: 'snapshot' },
  removeMissing: { flow: 'snapshot', calls: [1, 2] },
  complete: { flow: 'work' },
  postpone: { flow: 'pause' },
  fail: { flow: 'failure' },
  release: { flow: 'stop' },
  cancel: { flow: 'cancel' },
  retry: { flow: 'retry' },
  findJob: { flow: 'work' },
  hasRecords: { reason: 'No service calls it.' },
  listJobs: { flow: 'read' },
  listDue: { flow: 'start' },
  findNext: { flow: 'work' },
  tallyJobs: { flow: 'read' },
  listRejects: { flow: 'read' },
  listRejectedTexts: { flow: 'mend' },
  listAudit: { flow: 'read' },
  listBalances: { flow: 'read' },
  findBalances: { flow: 'read' },
  listRecords: { flow: 'read' },
  sumChecksums: { flow: 'read' },
  listPlacedJobs: { flow: 'read' },
  findPlacedJobs: { flow: 'read' },
  listSamples: { flow: 'read' },
  sumEnded: { flow: 'read' },
  countUnfinished: { flow: 'read' },
  searchSites: { flow: 'read' },
  findSite: { flow: 'operate' },
  dropRecords: { flow: 'start' },
  dropJobs: { flow: 'start' },
  dropStaleUploads: { flow: 'start' },
  dropTickets: { flow: 'start' },
  dropIdempotencyKeys: { flow: 'start' },
  check: { flow: 'read' },
};
const queueMethods: Record<keyof Queue, How> = {
  send: { flow: 'retry', calls: [1, 2] },
  work: { flow: 'start' },
  stop: { flow: 'stop' },
};
const noticesMethods: Record<Exclude<keyof PostgresNotices, 'deaf'>, How> = {
  send: { flow: 'work', calls: [1, 2, 4] },
  on: { flow: 'start', calls: [1, 2] },
  onGap: { flow: 'start', calls: [1, 2] },
  start: { reason: 'Not of the port: the connection is opened by whoever made it.' },
  stop: { reason: 'Not of the port, as above.' },
};

type MethodsOfPorts = { [Port in keyof Ports]: Record<string, How> };

everyMethodOn(new SqliteFiles(), { storage: storageMethods, queue: queueMethods });
everyMethodOn(new PostgresDatabases(), {
  storage: storageMethods,
  queue: queueMethods,
  notices: noticesMethods,
});

function everyMethodOn(databases: CrashDatabases, methods: MethodsOfPorts): void {
  describe(`a server on ${databases.name} that is killed at a call of a port`, { concurrency: 2 }, () => {
    const history = { key: '', balances: new Map<string, string>() };
    before(async () => Object.assign(history, await makeHistory(await databases.open())));
    after(() => databases.close());

    test('has every method of every port in its list', async (t) => {
      const ports = await portsOn(await databases.copy(t));
      assert.deepEqual(Object.keys(ports).sort(), Object.keys(methods).sort());
      for (const [name, port] of Object.entries(ports)) {
        assert.deepEqual(portMethods(port), Object.keys(methods[name as keyof Ports] ?? {}).sort());
      }
    });

    for (const { flow, ...crash } of allCrashes(methods)) {
      const { port, method, call, when } = crash;
      test(`loses and doubles nothing: ${when} call ${call} of ${port}.${method}`, async (t) => {
        const url = await databases.copy(t);
        const sender = await runUntilKilled(t, { url, crash, flow, key: history.key });
        const server = await startAt(url, databases.restartAfterMs);
        try {
          await assertNothingLost(sender, new TestSite(server.url as string, history.key), history.balances);
        } finally {
          // Before the database goes.
          await server.stop();
        }
      });
    }
  });
}

/** A server in this process whose clock is ahead by `ms`. */
function startAt(url: string, ms: number, replacements: Replacements = {}): Promise<RunningServer> {
  const clock = { now: () => systemClock.now() + ms, random: systemClock.random };
  return startServer(readConfig({ PORT: '0', DATABASE_URL: url }), quietLog, { clock, ...replacements });
}

/** The ports of a server on this database, as it was composed. */
async function portsOn(url: string): Promise<Partial<Ports>> {
  const ports: Partial<Ports> = {};
  const server = await startAt(url, 0, {
    wrapStorage: (storage) => (ports.storage = storage),
    wrapQueue: (queue) => (ports.queue = queue),
    wrapNotices: (notices) => (ports.notices = notices),
  });
  await server.stop();
  return ports;
}

function allCrashes(ports: MethodsOfPorts): (Crash & { flow: Flow })[] {
  const crashes: (Crash & { flow: Flow })[] = [];
  for (const [port, methods] of Object.entries(ports)) {
    for (const [method, how] of Object.entries(methods)) {
      if ('reason' in how) continue;
      for (const call of how.calls ?? [1]) {
        for (const when of ['before', 'after'] as const) {
          crashes.push({ port: port as keyof Ports, method, call, when, flow: flows[how.flow] });
        }
      }
    }
  }
  return crashes;
}

/** Runs the flow against a server that kills itself in the middle of it, and fails when it doesn't. */
async function runUntilKilled(
  t: TestContext,
  { url: DATABASE_URL, crash, flow, key }: { url: string; crash: Crash; flow: Flow; key: string },
): Promise<Sender> {
  const server = new ServerProcess(t, {
    databaseFile: '',
    command: [CRASHING_SERVER],
    environment: {
      DATABASE_URL,
      TEST_CRASH: JSON.stringify(crash),
      ARTLY_LOG_LEVEL: 'info',
      ARTLY_ADMIN_TOKEN: OPERATOR_TOKEN,
    },
  });
  const url = await server.listening;
  const sender = new Sender(new TestSite(url ?? '', key));
  const problem = url === undefined ? undefined : await flow(sender, server).then(() => undefined, asProblem);
  const exit = await Promise.race([server.exited, timeout(PATIENCE_MS)]);
  const told = `${String(problem)} ${server.complaints.join('')}`;
  assert.equal(exit?.signal, 'SIGKILL', `the server was not killed: ${told}`);
  // A connection that broke is what a kill looks like from outside; anything else is a finding.
  assert.ok(problem === undefined || problem instanceof TypeError, told);
  return sender;
}

function asProblem(problem: unknown): unknown {
  return problem;
}

function timeout(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds).unref());
}

/** Jobs so old that they are dropped at the next start, and balances that stay. */
async function makeHistory(url: string) {
  const server = await startAt(url, -100 * DAY_MS);
  const { key } = await server.parts.sites.add('https://shop.example');
  const site = new TestSite(server.url as string, key);
  const old = Array.from({ length: 120 }, (_, at) => member(at + 1, at + 1));
  await site.waitFor(await site.start([...old, badRecord(1)]), hasEnded);
  await site.waitFor(await site.start([removal(1), removal(2)]), hasEnded);
  const balances = await site.balances();
  await server.stop();
  return { key, balances };
}

function brokenBody(): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[{"wp_user_id":1,"email":"a@shop.example","points_balance":1',
  };
}
