import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { JOB_TYPES } from '../server/src/jobTypes/jobTypes.ts';
import { withMethods } from '../server/tests/http/spies.ts';
import { startWithOperator, TOKEN } from '../server/tests/support/testOperator.ts';
import {
  hasEnded,
  members,
  type TestServerOptions,
  type TestSite,
} from '../server/tests/support/testServer.ts';
import { keepPicture, launchBrowser } from './support/browser.ts';
import { CutLine } from './support/cutLine.ts';
import { DashboardPage } from './support/dashboardPage.ts';

const BAD = { wp_user_id: 9, email: 'no address', points_balance: 1 };
const NARROW = { width: 320, height: 640 };

describe('the dashboard', () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  /** A server of the test's own, and its dashboard in a browser profile of its own. */
  async function opened(t: TestContext, options: BrowserContextOptions & TestServerOptions = {}) {
    const shop = await startWithOperator(t, options);
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    t.after(() => context.close());
    const problems: string[] = [];
    context.on('weberror', (error) => problems.push(String(error.error())));
    context.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    const page = await DashboardPage.signIn(context, { url: shop.url, token: TOKEN });
    return { ...shop, shop: shop.site, context, page, problems };
  }

  test('says what to do first: a site, then a job', async (t) => {
    const { page, server, context, url } = await opened(t);
    await page.page.getByRole('heading', { name: 'No job yet' }).waitFor();
    await keepPicture(page.page, 'dashboard-no-job');
    await page.open('/?status=failed');
    await page.page.getByRole('heading', { name: 'No job is like that' }).waitFor();
    await page.open('/?view=activity');
    await page.page.getByRole('heading', { name: 'Nothing ended in this time' }).waitFor();
    assert.ok(server.url === url && context.pages().length === 1);
  });

  test('refuses a wrong token with a sentence, and signs out', async (t) => {
    const { url } = await startWithOperator(t);
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = new DashboardPage(await context.newPage(), url);
    await page.open('/');
    assert.deepEqual(await page.seriousProblems(), []);
    await page.page.getByLabel('Token').fill('not the token');
    await page.page.keyboard.press('Enter');
    await page.page.getByRole('alert').filter({ hasText: 'This is not the token' }).waitFor();
    await page.page.getByLabel('Token').fill(TOKEN);
    await page.page.keyboard.press('Enter');
    await page.page.getByRole('button', { name: 'Sign out' }).click();
    await page.page.getByText('You are signed out.').waitFor();
    await page.page.reload();
    await page.page.getByLabel('Token').waitFor();
  });

  test('shows, with a reject, what a job was, and gives the rejects as a file', async (t) => {
    const { page, shop, problems } = await opened(t, { acceptDownloads: true });
    const jobId = await shop.start([...members(120), BAD]);
    await page.waitForState(jobId, 'completed');
    await page.job(jobId).getByRole('link').click();
    await page.page.getByRole('heading', { name: 'shop.example' }).waitFor();
    await page.page.getByRole('heading', { name: '1 rejected record' }).waitFor();
    await page.page.getByText('Created by site https://shop.example').waitFor();
    const [download] = await Promise.all([
      page.page.waitForEvent('download'),
      page.page.getByRole('link', { name: 'CSV' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `rejects-${jobId}.csv`);
    assert.deepEqual(problems, []);
  });

  test('tries the rejected records again, and goes to the job that does', async (t) => {
    const clock = { now: () => Date.now() + ahead, random: Math.random };
    let ahead = 0;
    const { page, shop, server } = await opened(t, { clock });
    const jobId = await shop.start([...members(3), BAD]);
    await page.waitForState(jobId, 'completed');
    await page.open(`/?job=${jobId}`);
    const again = page.page.getByRole('button', { name: 'Try the rejected again' });
    await again.click();
    const dialog = page.page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Try them again' }).click();
    await page.page.getByText('Created by operator').waitFor();
    await page.page.getByText('0 new, 0 changed, 0 unchanged, 1 rejected').waitFor();
    assert.notEqual(new URL(page.page.url()).searchParams.get('job'), jobId);
    await page.page.goBack();
    await page.page.getByText('Its rejected records were tried again by operator').waitFor();
    // While the page is open, an hour passes.
    ahead = 2 * 3_600_000;
    await server.parts.sweep.dropOld();
    await again.click();
    await dialog.getByRole('button', { name: 'Try them again' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'are no longer kept' }).waitFor();
    await dialog.getByRole('button', { name: 'Leave them' }).click();
    await again.waitFor({ state: 'hidden' });
  });

  test('draws the speed of a job, and tries a cancelled one again', async (t) => {
    const { page, shop } = await opened(t, slowly(120));
    const jobId = await shop.start(members(2_500));
    await page.waitForState(jobId, 'running');
    await page.open(`/?job=${jobId}`);
    await page.page.locator('figure canvas').waitFor();
    await keepPicture(page.page, 'dashboard-job-running');
    await page.page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await page.page.getByText('Cancelled by operator').waitFor();
    const attempts = page.page.locator('.attempt');
    await attempts.filter({ hasText: 'Attempt 1' }).getByText('Cancelled', { exact: true }).waitFor();
    await page.page.getByRole('button', { name: 'Try again' }).click();
    await page.page.getByRole('dialog').getByRole('button', { name: 'Try it again' }).click();
    await page.page.getByText('Tried again by operator').waitFor();
    assert.equal((await shop.job(jobId)).attempt, 2);
    // Of the attempt that runs, the counts move on with the job.
    const running = attempts.filter({ hasText: 'Attempt 2' }).locator('.counts');
    await running.filter({ hasNotText: / 0 unchanged/ }).waitFor();
    const first = await running.textContent();
    await running.filter({ hasNotText: first as string }).waitFor();
    await keepPicture(page.page, 'dashboard-attempts');
  });

  test('chooses jobs by state and site, and keeps the choice in the address', async (t) => {
    const { page, shop, server } = await opened(t);
    await server.parts.sites.add('https://empty.example');
    const jobId = await shop.start(members(3));
    await page.waitForState(jobId, 'completed');
    await page.page.getByLabel('State').selectOption('Failed');
    await page.page.getByRole('heading', { name: 'No job is like that' }).waitFor();
    assert.match(page.page.url(), /status=failed/);
    await page.page.getByLabel('State').selectOption('Completed');
    await page.job(jobId).waitFor();
    await page.page.getByLabel('Site', { exact: true }).fill('empty.example');
    await page.page.keyboard.press('Tab');
    await page.page.getByRole('heading', { name: 'No job is like that' }).waitFor();
    await page.page.reload();
    assert.equal(await page.page.getByLabel('Site', { exact: true }).inputValue(), 'empty.example');
    await page.page.getByRole('link', { name: 'Clear filters' }).click();
    await page.job(jobId).waitFor();
    await page.page.getByLabel('Time').selectOption('Between two days');
    await page.page.getByLabel('To', { exact: true }).fill('2020-02-02');
    await page.page.getByRole('heading', { name: 'No job is like that' }).waitFor();
    await page.page.getByLabel('To', { exact: true }).fill('');
    await page.page.getByLabel('From', { exact: true }).fill('2020-02-02');
    await page.job(jobId).waitFor();
  });

  test('lets a site in, shows its key once, gives it a new one and revokes it', async (t) => {
    const { page } = await opened(t);
    await page.page.getByRole('link', { name: 'Sites', exact: true }).click();
    await page.page.getByLabel('Address of the shop').fill('https://new.example');
    await page.page.keyboard.press('Enter');
    const dialog = page.page.getByRole('dialog');
    const key = await dialog.getByLabel('Key of https://new.example').inputValue();
    assert.match(key, /^artly_/);
    assert.deepEqual(await page.seriousProblems(), []);
    await keepPicture(page.page, 'dashboard-key');
    await dialog.getByRole('button', { name: 'I have put it into the shop' }).click();
    await page.page.getByRole('button', { name: 'New key for new.example' }).click();
    await dialog.getByRole('button', { name: 'Make a new key' }).click();
    assert.notEqual(await dialog.getByLabel('Key of https://new.example').inputValue(), key);
    await page.page.keyboard.press('Escape');
    await page.page.getByRole('button', { name: 'Revoke new.example' }).click();
    await dialog.getByRole('button', { name: 'Revoke it' }).click();
    await page.page.getByText('Revoked', { exact: true }).waitFor();
    await page.page.getByRole('link', { name: 'Activity of new.example' }).click();
    await page.page.getByText('Of new.example alone.').waitFor();
  });

  test('removes a site when its address is typed, piece by piece, and says what was deleted', async (t) => {
    let ahead = 0;
    const { page, shop, server } = await opened(t, {
      clock: { now: () => Date.now() + ahead, random: Math.random },
      wrapStorage: withMethods((real) => ({
        dropSite: (slice) => {
          ahead += 3_000;
          return real.dropSite({ ...slice, limit: 10 });
        },
      })),
    });
    await shop.waitFor(await shop.start(members(30)), hasEnded);
    await page.open('/?view=sites');
    await page.page.getByRole('button', { name: 'Remove shop.example' }).click();
    const dialog = page.page.getByRole('dialog');
    const field = dialog.getByLabel('Type https://shop.example to remove it');
    await field.fill('shop');
    await dialog.getByRole('button', { name: 'Remove it' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'exactly this address' }).waitFor();
    assert.deepEqual(await page.seriousProblems(), []);
    await keepPicture(page.page, 'dashboard-remove');
    await field.fill('https://shop.example');
    await dialog.getByRole('button', { name: 'Remove it' }).click();
    const said =
      'Deleted https://shop.example: its keys, 1 job with history, 30 balances, and 0 other records.';
    await page.page.getByRole('heading', { name: 'No site yet' }).waitFor();
    assert.equal(await page.focused(), said);
    assert.deepEqual(await page.seriousProblems(), []);
    await keepPicture(page.page, 'dashboard-removed');
    assert.deepEqual(await server.parts.sites.list(), []);
  });

  test('offers the types of jobs that the server has', async (t) => {
    const { page } = await opened(t);
    await page.open('/?type=users');
    await page.page.locator('#filter-type option').nth(3).waitFor({ state: 'attached' });
    const offered = page.page.locator('#filter-type option');
    assert.deepEqual((await offered.allTextContents()).sort(), [
      'All types',
      ...JOB_TYPES.map(({ name }) => name).sort(),
    ]);
    assert.equal(await page.page.getByLabel('Type').inputValue(), 'users');
  });

  test('says when the connection is lost, and reads on when it is back', async (t) => {
    const { url, site: shop } = await startWithOperator(t);
    const line = await CutLine.to(url);
    t.after(() => line.stop());
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await DashboardPage.signIn(context, { url: line.url, token: TOKEN });
    line.cut();
    await page.page.getByText('Connection lost').waitFor();
    const jobId = await shop.start(members(3));
    await shop.waitFor(jobId, hasEnded);
    line.mend();
    await page.waitForState(jobId, 'completed');
    await page.page.getByText('Live', { exact: true }).waitFor();
  });

  test('gives its line up in a tab behind others, and reads on in front', async (t) => {
    const { url, site: shop } = await startWithOperator(t);
    const context = await browser.newContext();
    t.after(() => context.close());
    await context.clock.install();
    const page = await DashboardPage.signIn(context, { url, token: TOKEN });
    await page.setVisibility('hidden');
    await context.clock.runFor(11_000);
    const jobId = await shop.start(members(3));
    await shop.waitFor(jobId, hasEnded);
    assert.equal(await page.job(jobId).count(), 0);
    await page.setVisibility('visible');
    await page.page.locator('.live[data-connected="true"]').waitFor();
    await context.clock.runFor(2_000);
    await page.waitForState(jobId, 'completed');
  });

  test('asks to sign in again when the session is over', async (t) => {
    let ahead = 0;
    const { page } = await opened(t, { clock: { now: () => Date.now() + ahead, random: Math.random } });
    ahead = 13 * 3_600_000;
    await page.page.getByRole('link', { name: 'Activity', exact: true }).click();
    await page.page.getByText('Your session is over: sign in again.').waitFor();
    assert.equal(await page.page.getByLabel('Token').inputValue(), '');
  });

  test('works by the keyboard alone: opens a job and cancels it', async (t) => {
    const { url, site: shop } = await startWithOperator(t);
    const jobId = await openJobInParts(shop);
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = new DashboardPage(await context.newPage(), url);
    await page.open('/');
    await page.page.getByLabel('Token').waitFor();
    await page.page.keyboard.type(TOKEN);
    await page.page.keyboard.press('Enter');
    await page.job(jobId).waitFor();
    await page.tabTo(/^shop\.example$/);
    await page.page.keyboard.press('Enter');
    await page.page.getByRole('heading', { name: 'shop.example' }).waitFor();
    assert.equal(await page.focused(), 'shop.example');
    await page.tabTo(/^Cancel the job$/);
    await page.page.keyboard.press('Enter');
    assert.equal(await page.focused(), 'Let it run');
    await page.page.keyboard.press('Tab');
    assert.equal(await page.focused(), 'Cancel the job');
    await page.page.keyboard.press('Enter');
    await page.page.getByText('Cancelled by operator').waitFor();
    assert.equal(await page.focused(), 'shop.example');
    assert.equal((await shop.job(jobId)).status, 'cancelled');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`has nothing that axe finds serious, and fits 320 pixels, in ${colorScheme}`, async (t) => {
      const { page, shop, problems } = await opened(t, { colorScheme });
      const jobId = await shop.start([...members(200), BAD]);
      await page.waitForState(jobId, 'completed');
      const waiting = await openJobInParts(shop);
      await page.waitForState(waiting, 'pending');
      for (const [name, path] of Object.entries(pagesOf(jobId, waiting))) {
        await page.page.setViewportSize({ width: 1200, height: 800 });
        await page.open(path);
        await page.page.locator('.live[data-connected="true"]').waitFor();
        await page.page.waitForLoadState('networkidle').catch(() => undefined);
        assert.deepEqual(await page.seriousProblems(), [], path);
        await keepPicture(page.page, `dashboard-${name}-${colorScheme}`);
        await page.page.setViewportSize(NARROW);
        assert.equal(await page.overflow(), 0, path);
        assert.deepEqual(await page.seriousProblems(), [], `${path}, narrow`);
        await keepPicture(page.page, `dashboard-${name}-narrow-${colorScheme}`);
      }
      await page.page.getByRole('button', { name: 'Cancel the job' }).click();
      assert.deepEqual(await page.seriousProblems(), [], 'the question before a cancel');
      assert.deepEqual(problems, []);
    });
  }
});

function pagesOf(jobId: string, waiting: string): Record<string, string> {
  return {
    jobs: '/',
    none: '/?status=failed',
    activity: '/?view=activity',
    sites: '/?view=sites',
    job: `/?job=${jobId}`,
    waiting: `/?job=${waiting}`,
  };
}

/** A job that waits for its parts, and so stands still. */
async function openJobInParts(shop: TestSite): Promise<string> {
  const { json } = await shop.call('/artly/sync/jobs', { type: 'points-balances', total: 100 });
  return json.jobId as string;
}

/** A server that pauses behind every step of a job. */
function slowly(milliseconds: number): TestServerOptions {
  const pause = () => new Promise((resolve) => setTimeout(resolve, milliseconds));
  return {
    wrapStorage: withMethods((real) => ({
      applyNext: async (claim) => {
        const job = await real.applyNext(claim);
        await pause();
        return job;
      },
    })),
  };
}
