import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { FIRST_MEMBER_ID } from '../demo/members.ts';
import { keepPicture } from './support/browser.ts';
import { ShopTest } from './support/shopTest.ts';
import { SlowMachine } from './support/slowMachine.ts';
import { SyncPage } from './support/syncPage.ts';

describe('when something goes wrong', () => {
  const at = ShopTest.forThisSuite();

  test('a job that fails is shown as failed, with its reason, and can be started again', async () => {
    const page = await at.openSyncPage();
    const { databaseFile } = at.shop.shop.backend;
    // The database itself refuses one member's balance, as one with a damaged page would.
    changeDatabase(
      databaseFile,
      `CREATE TRIGGER refuse BEFORE INSERT ON points_balances WHEN NEW.wp_user_id = ${FIRST_MEMBER_ID + 2500}
       BEGIN SELECT RAISE(ABORT, 'this row cannot be written'); END`,
    );
    await page.startButton.click();
    await page.waitFor('failed');
    await keepPicture(page.page, '6-failed');
    assert.match((await page.detail.textContent()) ?? '', /\w+/);
    const [job] = await at.shop.jobs();
    assert.equal(job?.status, 'failed');
    assert.equal((await at.shop.balancesInBackend()).size, job.processed);

    changeDatabase(databaseFile, 'DROP TRIGGER refuse');
    await page.startButton.click();
    await page.waitFor('completed');
    assert.deepEqual(await at.shop.balancesInBackend(), await at.shop.balancesInShop());
  });

  test('a backend that dies while a job runs is named on the page, and the job goes on to the end when it is back', async () => {
    const page = await at.openSyncPage();
    const { backend } = at.shop.shop;
    const slow = new SlowMachine(backend.process);
    await page.startButton.click();
    const percentBefore = await page.waitUntilHalfWay();
    backend.process.signal('SIGKILL');
    slow.end();
    await backend.process.ended;
    await page.waitForText(page.status, /cannot be reached/);
    assert.equal(await page.state(), 'running');
    assert.ok((await page.percent()) >= percentBefore);
    await keepPicture(page.page, '7-backend-away');

    await backend.start();
    await page.waitFor('completed');
    assert.equal(await page.percent(), 100);
    assert.deepEqual(await at.shop.balancesInBackend(), await at.shop.balancesInShop());
  });

  test('a start while the backend is away says so and leaves the page ready for the next try', async () => {
    const page = await at.openSyncPage();
    const { backend } = at.shop.shop;
    await backend.stop();
    await page.startButton.click();
    await page.waitForText(page.status, /cannot be reached/);
    await backend.start();
    await page.startButton.click();
    await page.waitFor('completed');
  });

  test('a page whose script is stopped tells so by itself', async () => {
    await at.context.route('**/admin.js*', (route) => route.abort());
    const page = await at.openSyncPage();
    await page.page.getByText('The script of this page has not loaded').waitFor();
    await keepPicture(page.page, '8-script-stopped');
  });

  test('a browser without scripts shows the state and says what it cannot do', async () => {
    await at.signInAsAdmin();
    const cookies = await at.context.cookies();
    const plain = await at.browser.newContext({ javaScriptEnabled: false });
    try {
      await plain.addCookies(cookies);
      const page = new SyncPage(await plain.newPage());
      await page.page.goto(at.shop.shop.wordpress.syncPageUrl);
      await page.waitFor('completed');
      const hint = page.root.locator('noscript p');
      assert.equal(await hint.isVisible(), true);
      assert.match((await hint.textContent()) ?? '', /needs JavaScript/);
      assert.equal(await page.startButton.isDisabled(), true);
    } finally {
      await plain.close();
    }
  });

  test('a site that no longer answers the page is named, and found again', async () => {
    const page = await at.openSyncPage();
    await at.context.setOffline(true);
    await page.startButton.click();
    await page.waitForText(page.status, /This site does not answer/);
    await at.context.setOffline(false);
    await page.page.reload();
    await page.startButton.click();
    await page.waitFor('completed');
  });
});

function changeDatabase(file: string, statement: string): void {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    database.exec(statement);
  } finally {
    database.close();
  }
}
