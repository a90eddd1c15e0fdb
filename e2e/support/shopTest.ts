import { after, afterEach, before, beforeEach } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser, signIn } from './browser.ts';
import { SyncPage } from './syncPage.ts';
import { TestShop } from './testShop.ts';

/** One shop and one browser for all tests of a suite, and a browser profile of its own for each test. */
export class ShopTest {
  #shop: TestShop | undefined;
  #browser: Browser | undefined;
  #context: BrowserContext | undefined;

  /** To be called in the suite: it adds what happens before and after its tests. */
  static forThisSuite(): ShopTest {
    const shopTest = new ShopTest();
    before(() => shopTest.#open());
    beforeEach(async () => {
      // Without moving parts, so that a picture shows where the bar stands and not where it was.
      shopTest.#context = await shopTest.browser.newContext({ reducedMotion: 'reduce' });
    });
    afterEach(() => shopTest.context.close());
    after(() => shopTest.#close());
    return shopTest;
  }

  get shop(): TestShop {
    return there(this.#shop);
  }

  get browser(): Browser {
    return there(this.#browser);
  }

  get context(): BrowserContext {
    return there(this.#context);
  }

  async signInAsAdmin(): Promise<Page> {
    const { wordpress, adminPassword } = this.shop.shop;
    return signIn(this.context, {
      siteUrl: wordpress.url,
      user: wordpress.adminUser,
      password: adminPassword,
    });
  }

  async openSyncPage(): Promise<SyncPage> {
    const page = new SyncPage(await this.signInAsAdmin());
    await page.openByMenu();
    return page;
  }

  async #open(): Promise<void> {
    this.#shop = await TestShop.start();
    this.#browser = await launchBrowser();
  }

  async #close(): Promise<void> {
    await this.#browser?.close();
    await this.#shop?.stop();
  }
}

function there<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('This is only there while a test of the suite runs.');
  return thing;
}
