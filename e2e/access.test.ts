import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { BrowserContext, Page, Response } from 'playwright-core';
import { keepPicture, signIn } from './support/browser.ts';
import { ShopTest } from './support/shopTest.ts';
import { SyncPage } from './support/syncPage.ts';

const ACTIONS = [
  'artly_start_sync_points',
  'artly_get_sync_job_status',
  'artly_cancel_sync',
  'artly_get_sync_ticket',
  'artly_test_connection',
];

describe('who sees and does what', () => {
  const at = ShopTest.forThisSuite();

  test('the key is in nothing that the browser got, asked for or wrote to its console', async () => {
    const seen = watchTraffic(at.context);
    const page = await at.openSyncPage();
    await page.startAndWatchLive(at.shop.shop.backend.url);
    await page.waitFor('completed');
    await page.page.reload();
    await page.page.locator('#wpbody').getByRole('link', { name: 'Settings' }).click();
    await page.page.getByRole('button', { name: 'Test connection' }).click();
    await page.page.locator('#artly-test-result[data-outcome="good"]').waitFor();
    await page.page.getByRole('button', { name: 'Save Changes' }).click();
    await page.page.getByText('Settings saved.').waitFor();

    const texts = [...(await seen()), await page.page.content()];
    assert.ok(texts.length > 20);
    assert.ok(texts.some((text) => text.startsWith(`${at.shop.shop.backend.url}/artly/sync/jobs/`)));
    assert.ok(at.shop.key.length > 20);
    assert.deepEqual(
      texts.filter((text) => text.includes(at.shop.key)).map((text) => text.slice(0, 200)),
      [],
    );
  });

  test('a request without a valid nonce is refused, and starts nothing', async () => {
    await at.signInAsAdmin();
    const jobsBefore = (await at.shop.jobs()).length;
    for (const action of ACTIONS) {
      for (const nonce of [undefined, '0123456789']) {
        const { status, body } = await ask(at.context, { action, ...(nonce ? { nonce } : {}) });
        assert.equal(status, 403, action);
        assert.equal(JSON.parse(body).success, false);
      }
    }
    assert.equal((await at.shop.jobs()).length, jobsBefore);
  });

  test('a member without the right to manage the shop is refused everything', async () => {
    await addUser('subscriber-of-a-test', { subscriber: true });
    const page = await signInAs('subscriber-of-a-test');
    assert.equal(await page.locator('#adminmenu').getByText('Artly Sync').count(), 0);
    const opened = await page.goto(at.shop.shop.wordpress.syncPageUrl);
    assert.equal(opened?.status(), 403);
    assert.equal(await page.locator('#artly-sync').count(), 0);
    const jobsBefore = (await at.shop.jobs()).length;
    for (const action of ACTIONS) assert.equal((await ask(at.context, { action })).status, 403, action);
    assert.equal((await at.shop.jobs()).length, jobsBefore);
  });

  test('a manager of the shop may sync, but not see or change the settings', async () => {
    await addUser('manager-of-a-test', { subscriber: true, manage_woocommerce: true });
    const page = new SyncPage(await signInAs('manager-of-a-test'));
    await page.openByMenu();
    assert.equal(await page.page.locator('#wpbody').getByRole('link', { name: 'Settings' }).count(), 0);
    await page.startButton.click();
    await page.waitFor('completed');
    const settings = await page.page.goto(`${at.shop.shop.wordpress.syncPageUrl}-settings`);
    assert.equal(settings?.status(), 403);
  });

  test('nobody who is not signed in gets anything', async () => {
    for (const action of ACTIONS) {
      const { status, body } = await ask(at.context, { action });
      assert.ok(status >= 400, action);
      assert.equal(body, '0');
    }
  });

  test('on a screen of 320 px nothing has to be scrolled sideways', async () => {
    const page = await at.openSyncPage();
    await page.page.setViewportSize({ width: 320, height: 640 });
    await assertFits(page.page);
    await keepPicture(page.page, '10-narrow');
    await page.page.locator('#wpbody').getByRole('link', { name: 'Settings' }).click();
    await page.page.locator('#artly-test-connection').waitFor();
    await assertFits(page.page);
    await keepPicture(page.page, '10-narrow-settings');
  });

  test('nothing that the tests did made the plugin complain in the log of PHP', async () => {
    const log = await readFile(at.shop.shop.wordpress.logFile, 'utf8');
    const complaints = log.split('\n').filter((line) => /PHP [A-Z]/.test(line) && line.includes('artly-'));
    // WordPress lies in a folder whose name has the word too; only the plugin's own files count.
    assert.deepEqual(
      complaints.filter((line) => line.includes('artly-reminder-bridge/')),
      [],
    );
  });

  async function addUser(name: string, capabilities: Record<string, true>): Promise<void> {
    const entries = Object.keys(capabilities).map((name) => `s:${name.length}:"${name}";b:1;`);
    await at.shop.shop.mariadb.execute([
      // WordPress takes an MD5 for a password and makes a better hash of it at the first sign-in.
      `INSERT INTO wp_users (user_login, user_pass, user_nicename, user_email, user_registered, display_name)
       VALUES ('${name}', MD5('${PASSWORD}'), '${name}', '${name}@shop.example', NOW(), '${name}')`,
      `INSERT INTO wp_usermeta (user_id, meta_key, meta_value)
       SELECT ID, 'wp_capabilities', 'a:${entries.length}:{${entries.join('')}}'
       FROM wp_users WHERE user_login = '${name}'`,
    ]);
  }

  async function signInAs(user: string): Promise<Page> {
    return signIn(at.context, { siteUrl: at.shop.shop.wordpress.url, user, password: PASSWORD });
  }

  async function ask(
    context: BrowserContext,
    form: Record<string, string>,
  ): Promise<{ status: number; body: string }> {
    const response = await context.request.post(`${at.shop.shop.wordpress.url}/wp-admin/admin-ajax.php`, {
      form,
    });
    return { status: response.status(), body: await response.text() };
  }
});

const PASSWORD = 'a password of a test';

/** Collects all addresses, headers, bodies and messages; the function it gives waits for those still under way. */
function watchTraffic(context: BrowserContext): () => Promise<string[]> {
  const texts: (string | Promise<string>)[] = [];
  context.on('request', (request) => texts.push(request.url()));
  context.on('response', (response) => texts.push(describeExchange(response)));
  context.on('console', (message) => texts.push(message.text()));
  context.on('weberror', (thrown) => texts.push(String(thrown.error())));
  return () => Promise.all(texts);
}

async function describeExchange(response: Response): Promise<string> {
  const request = response.request();
  // A page that was left takes the bodies of its answers with it; redirects have none.
  const body = await response.text().catch(() => '');
  const headers = JSON.stringify([await request.allHeaders(), await response.allHeaders()]);
  return [response.url(), request.postData() ?? '', headers, body].join('\n');
}

async function assertFits(page: Page): Promise<void> {
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
  assert.ok(overflow <= 0, `${page.url()} is ${overflow} px too wide`);
}
