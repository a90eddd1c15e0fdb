import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { keepPicture } from './support/browser.ts';
import { ShopTest } from './support/shopTest.ts';
import { SlowMachine } from './support/slowMachine.ts';
import { SyncPage } from './support/syncPage.ts';

const MEMBERS = 5000;
const MORE_MEMBERS = 60_000;

describe('the sync page of a shop', () => {
  const at = ShopTest.forThisSuite();
  let page: SyncPage;

  beforeEach(async () => {
    page = await at.openSyncPage();
  });

  test('a click syncs all members while the bar moves, and the balances are those of the shop', async () => {
    await page.waitFor('idle');
    await keepPicture(page.page, '1-idle');
    const percentages = await page.recordPercentages();
    using slow = new SlowMachine(at.shop.shop.backend.process);
    await page.startButton.click();
    await page.waitFor('pending');
    await keepPicture(page.page, '2-pending');
    const halfWay = await page.waitUntilHalfWay();
    await keepPicture(page.page, '3-running');
    slow.end();
    await page.waitFor('completed');
    await keepPicture(page.page, '4-completed');

    const seen = await percentages();
    assert.ok(halfWay > 0 && halfWay < 100);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
      'the bar never goes back',
    );
    assert.equal(await page.percent(), 100);
    assert.equal(await page.bar(), 100);
    assert.equal(await page.count(), '5,000 / 5,000');
    assert.equal(await page.updated(), MEMBERS);
    assert.equal(await page.cancelButton.isDisabled(), true);
    const balances = await at.shop.balancesInShop();
    assert.equal(balances.size, MEMBERS);
    assert.ok([...balances.values()].some((balance) => balance < 0));
    assert.deepEqual(await at.shop.balancesInBackend(), balances);
  });

  test('a page that is reloaded half-way, or opened anew, finds the job that runs', async () => {
    // New members make the job long enough that the page looks several times while it runs.
    await at.shop.addMembers({ from: 10_001, count: MORE_MEMBERS });
    using slow = new SlowMachine(at.shop.shop.backend.process);
    await page.startButton.click();
    const before = await page.waitUntilHalfWay();

    await page.page.reload();
    assert.equal(await page.state(), 'running');
    assert.ok((await page.percent()) >= before);
    assert.equal(await page.startButton.isDisabled(), true);
    slow.end();
    await page.waitFor('completed');
    assert.equal(await page.percent(), 100);

    await page.page.reload();
    assert.equal(await page.state(), 'completed');
  });

  test('a cancelled job stops where it stands, and the next start goes through to the end', async () => {
    await at.shop.addMembers({ from: 110_001, count: MORE_MEMBERS });
    const slow = new SlowMachine(at.shop.shop.backend.process);
    try {
      await page.startButton.click();
      await page.waitUntilHalfWay();
      await page.cancelButton.click();
      await page.waitFor('cancelled');
    } finally {
      slow.end();
    }
    await keepPicture(page.page, '5-cancelled');
    const standing = await at.shop.balancesInBackend();
    const [job] = await at.shop.jobs();
    assert.equal(job?.status, 'cancelled');
    assert.ok(job.processed < job.total);
    assert.ok(standing.size < MEMBERS + 2 * MORE_MEMBERS);
    await page.waitForText(page.status, /cancelled/);
    assert.equal(await page.startButton.isEnabled(), true);

    await page.startButton.click();
    await page.waitFor('completed');
    assert.deepEqual(await at.shop.balancesInBackend(), await at.shop.balancesInShop());
  });

  test('two tabs show the same job, and a click in the second one starts no second job', async () => {
    const second = new SyncPage(await at.context.newPage());
    await second.page.goto(page.page.url());
    await second.waitFor('completed');
    const jobsBefore = (await at.shop.jobs()).length;
    using slow = new SlowMachine(at.shop.shop.backend.process);
    await page.startButton.click();
    await second.startButton.click();
    await page.waitUntilHalfWay();
    await second.waitUntilHalfWay();
    slow.end();
    await page.waitFor('completed');
    await second.waitFor('completed');
    assert.equal((await at.shop.jobs()).length, jobsBefore + 1);
    assert.equal(await second.count(), await page.count());
  });

  test('a double click starts one job', async () => {
    const jobsBefore = (await at.shop.jobs()).length;
    await page.startButton.dblclick();
    await page.waitFor('completed');
    assert.equal((await at.shop.jobs()).length, jobsBefore + 1);
  });
});
