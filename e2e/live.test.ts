import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page, Request } from 'playwright-core';
import { BackendProxy } from './support/backendProxy.ts';
import { keepPicture } from './support/browser.ts';
import { ShopTest } from './support/shopTest.ts';
import { SlowMachine } from './support/slowMachine.ts';
import type { SyncPage } from './support/syncPage.ts';

const MORE_MEMBERS = 60_000;
/** After as many in a row that lead to nothing, the page makes no more. */
const MOST_TRIES = 3;
const POLL_EVERY_MS_WHILE_LIVE = 15_000;
const PATIENCE_MS = 60_000;
const LIVE_SCRIPT = fileURLToPath(
  new URL('../wp-content/plugins/artly-reminder-bridge/assets/live.js', import.meta.url),
);

/** A page, the address of a backend, and how often it is tried where nothing answers there. */
const ADDRESSES: [pageUrl: string, address: string, tries: number][] = [
  ['https://shop.example/', 'https://sync.example', MOST_TRIES],
  ['http://shop.example/', 'http://sync.example:4000', MOST_TRIES],
  ['http://127.0.0.1:8080/', 'http://127.0.0.1:4000', MOST_TRIES],
  ['https://shop.example/', 'http://sync.example:4001', 0],
  ['https://shop.example/', 'http://127.0.0.1:4002', 0],
  ['http://shop.example/', 'http://localhost:4003', 0],
  ['http://shop.example/', 'http://[::1]:4004', 0],
];

/** Runs in the browser: follows a job for longer than there are tries, and gives how often an address was asked for. */
const followAt = (address: string, tries: number) => `(async () => {
  let asked = 0;
  let cut;
  const connection = new ArtlyLiveConnection({
    askAddress: async () => {
      asked += 1;
      return '${address}/artly/sync/jobs/job-1/events?ticket=a';
    },
    onJob: () => {},
    onCut: () => cut(),
  });
  for (let round = 0; round < ${MOST_TRIES} + 2; round += 1) {
    const wasCut = new Promise((resolve) => { cut = resolve; });
    connection.follow({ jobId: 'job-1', version: 1 });
    await (round < ${tries} ? wasCut : new Promise((resolve) => setTimeout(resolve)));
  }
  return asked;
})()`;

describe('the live connection of the sync page', () => {
  const at = ShopTest.forThisSuite();
  let proxy: BackendProxy;
  let page: SyncPage;
  let requests: Requests;
  let firstMember = 200_001;

  beforeEach(async () => {
    proxy = await BackendProxy.start(at.shop.shop.backend.url);
    await at.shop.connectBy(proxy.url);
    requests = new Requests(at.context);
    page = await at.openSyncPage();
  });

  afterEach(() => proxy.stop());

  /** New members make the job long enough to be watched. */
  async function startLongJob(): Promise<SlowMachine> {
    await at.shop.addMembers({ from: firstMember, count: MORE_MEMBERS });
    firstMember += MORE_MEMBERS;
    const slow = new SlowMachine(at.shop.shop.backend.process);
    await page.startButton.click();
    return slow;
  }

  test('progress comes from the backend itself, and the site is hardly asked', async () => {
    const percentages = await page.recordPercentages();
    using slow = await startLongJob();
    await page.waitUntilHalfWay();
    await requests.waitFor(page.page, isEvents);
    await waitForPercent(page.page, 30);
    await keepPicture(page.page, '11-live');
    assert.equal(proxy.streams, 1);
    await assertNumbersFitTogether(page.page);
    slow.end();
    await page.waitFor('completed');

    const seen = await percentages();
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
      'the bar never goes back',
    );
    const polls = requests.count(isStatus);
    const lastPause = pausesBetween(requests.all(isStatus)).at(-1) ?? 0;
    assert.ok(
      lastPause < POLL_EVERY_MS_WHILE_LIVE,
      `the final event made the page ask, ${lastPause} ms later`,
    );
    assert.ok(
      seen.length > 2 * polls,
      `${seen.length} steps were shown, and the site was asked ${polls} times`,
    );
    const [stream, ...others] = requests.all(isEvents);
    assert.ok(stream !== undefined && others.length === 0);
    assert.match(
      stream.url(),
      /^http:\/\/127\.0\.0\.1:\d+\/artly\/sync\/jobs\/[\w-]+\/events\?ticket=[\w-]{43}$/,
    );
    assert.ok(stream.url().startsWith(proxy.url));
    assert.equal(requests.count(isTicket), 1);
    assert.equal(await page.percent(), 100);
    await proxy.streamsEnded();
  });

  test('a stream that is cut is opened anew with another ticket, and the site is asked until then', async () => {
    using slow = await startLongJob();
    await page.waitUntilHalfWay();
    await requests.waitFor(page.page, isEvents);
    const pollsBefore = requests.count(isStatus);
    const percentBefore = await page.percent();
    proxy.cutStreams();
    await requests.waitFor(page.page, isEvents, 2);
    assert.ok(requests.count(isStatus) > pollsBefore);
    const [first, second] = requests.all(isEvents).map((request) => request.url());
    assert.notEqual(first, second);
    await waitForPercent(page.page, percentBefore + 1);
    slow.end();
    await page.waitFor('completed');
    assert.equal(requests.count(isEvents), 2);
  });

  test('a backend of before there were tickets is asked every 1.5 seconds, as ever', async () => {
    proxy.withoutTickets();
    using slow = await startLongJob();
    await assertPolls();
    slow.end();
    await page.waitFor('completed');
    assert.ok(requests.count(isTicket) <= MOST_TRIES);
    assert.equal(requests.count(isEvents), 0);
  });

  test('a browser that cannot reach the backend asks the site every 1.5 seconds, and soon tries no more', async () => {
    await at.context.route('**/events?*', (route) => route.abort());
    using slow = await startLongJob();
    await assertPolls();
    slow.end();
    await page.waitFor('completed');
    assert.equal(requests.count(isEvents), MOST_TRIES);
    assert.equal(requests.count(isTicket), MOST_TRIES);
    assert.equal(proxy.streams, 0);
  });

  test('where something on the way holds events back, the site is asked every 1.5 seconds', async () => {
    proxy.holdsEvents = true;
    using slow = await startLongJob();
    await assertPolls();
    assert.equal(proxy.streams, 1);
    slow.end();
    await page.waitFor('completed');
    assert.equal(requests.count(isEvents), 1);
  });

  test('a stream that falls silent while the job goes on is given up for a new one', async () => {
    using slow = await startLongJob();
    await page.waitUntilHalfWay();
    await proxy.firstEvent;
    proxy.holdsEvents = true;
    await requests.waitFor(page.page, isEvents, 2);
    proxy.holdsEvents = false;
    slow.end();
    await page.waitFor('completed');
  });

  test('a site that does not answer is left more and more time, however much comes live', async () => {
    await page.page.route('**/admin-ajax.php', (route) =>
      isStatus(route.request()) ? route.fulfill({ status: 503, body: 'Away.' }) : route.continue(),
    );
    using slow = await startLongJob();
    await proxy.firstEvent;
    await requests.waitFor(page.page, isStatus, 3);
    const [pause = 0] = pausesBetween(requests.all(isStatus));
    assert.ok(pause >= 2800, `the pause after the first failure was ${pause} ms`);
    slow.end();
    await page.page.unroute('**/admin-ajax.php');
    await page.page.reload();
    await page.waitFor('completed');
  });

  test('a page tries only addresses that its browser may open, and that mean the same machine to it', async () => {
    for (const [pageUrl, address, tries] of ADDRESSES) {
      const plain = await at.context.newPage();
      await plain.route('**', (route) =>
        route.request().url() === pageUrl ? route.fulfill({ body: 'A page.' }) : route.abort(),
      );
      await plain.goto(pageUrl);
      await plain.addScriptTag({ path: LIVE_SCRIPT });
      const before = requests.count((request) => request.url().startsWith(address));
      const asked = await plain.evaluate<number>(followAt(address, tries));
      const opened = requests.count((request) => request.url().startsWith(address)) - before;
      const asExpected = { asked: Math.max(tries, 1), opened: tries };
      assert.deepEqual({ asked, opened }, asExpected, `${address} on a page at ${pageUrl}`);
    }
  });

  /** It does so more often than it tries to connect. */
  async function assertPolls(): Promise<void> {
    await page.waitFor('running');
    await requests.waitFor(page.page, isStatus, requests.count(isStatus) + MOST_TRIES + 2);
    // When the last one was sent is not known before its answer.
    const pauses = pausesBetween(requests.all(isStatus).slice(0, -1));
    assert.ok(Math.min(...pauses.slice(-MOST_TRIES)) >= 1400, `the pauses were ${pauses} ms`);
  }
});

async function waitForPercent(page: Page, percent: number): Promise<void> {
  const shown = "parseInt(document.getElementById('artly-sync-percent').textContent, 10)";
  await page.waitForFunction(`${shown} >= ${percent}`, undefined, { timeout: PATIENCE_MS });
}

/** Only new members are in the job, so that all numbers on the page come from one. */
async function assertNumbersFitTogether(page: Page): Promise<void> {
  const ids = ['count', 'updated', 'detail', 'percent'].map((name) => `'artly-sync-${name}'`);
  const [count = '', ...others] = await page.evaluate<string[]>(
    `[${ids}].map((id) => document.getElementById(id).textContent)`,
  );
  const [processed = '', total = ''] = count.split(' / ');
  const [part, whole] = [processed, total].map((number) => Number(number.replaceAll(',', '')));
  const percent = Math.floor((100 * (part ?? 0)) / (whole ?? 0));
  assert.deepEqual(others, [processed, `Applying balances: ${processed} of ${total}.`, `${percent}%`]);
}

function pausesBetween(requests: Request[]): number[] {
  const times = requests.map((request) => request.timing().startTime);
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

type Kind = (request: Request) => boolean;

const isEvents: Kind = (request) => request.url().includes('/events?');
const isStatus: Kind = (request) => request.postData()?.includes('artly_get_sync_job_status') ?? false;
const isTicket: Kind = (request) => request.postData()?.includes('artly_get_sync_ticket') ?? false;

/** What the browser has asked for. */
class Requests {
  #requests: Request[] = [];

  constructor(context: BrowserContext) {
    context.on('request', (request) => this.#requests.push(request));
  }

  all(kind: Kind): Request[] {
    return this.#requests.filter(kind);
  }

  count(kind: Kind): number {
    return this.all(kind).length;
  }

  /** Waits until there have been so many. */
  async waitFor(page: Page, kind: Kind, count = 1): Promise<void> {
    while (this.count(kind) < count) await page.waitForRequest(kind, { timeout: PATIENCE_MS });
  }
}
