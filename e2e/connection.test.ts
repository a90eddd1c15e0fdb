import assert from 'node:assert/strict';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { beforeEach, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { choosePort } from '../demo/ports.ts';
import { keepPicture } from './support/browser.ts';
import { ShopTest } from './support/shopTest.ts';

/** The plugin waits 10 seconds for an answer. */
const PATIENCE_MS = 40_000;

describe('"Test connection" in the settings', () => {
  const at = ShopTest.forThisSuite();
  const sentences = new Map<string, string>();
  let page: Page;

  beforeEach(async () => {
    page = await at.signInAsAdmin();
    await page.locator('#adminmenu').getByRole('link', { name: 'Artly Sync' }).first().click();
    await page.locator('#wpbody').getByRole('link', { name: 'Settings' }).click();
  });

  /** Enters address and key, tests them, and gives the sentence that then stands there. */
  async function outcomeOf({ url, key = '' }: { url: string; key?: string }): Promise<string> {
    await page.getByLabel('Address').fill(url);
    await page.getByLabel('Key', { exact: true }).fill(key);
    await page.getByRole('button', { name: 'Test connection' }).click();
    const result = page.locator('#artly-test-result:is([data-outcome="good"], [data-outcome="bad"])');
    await result.waitFor({ timeout: PATIENCE_MS });
    return (await result.textContent()) ?? '';
  }

  /** Every kind of trouble has a sentence of its own. */
  function remember(kind: string, sentence: string): void {
    for (const [other, said] of sentences) assert.notEqual(sentence, said, `${kind} reads like ${other}`);
    sentences.set(kind, sentence);
  }

  test('the saved address and key connect', async () => {
    const sentence = await outcomeOf({ url: at.shop.shop.backend.url });
    assert.match(sentence, /^Connected/);
    remember('connected', sentence);
    await keepPicture(page, '9-settings-connected');
  });

  test('a wrong key is told apart', async () => {
    const sentence = await outcomeOf({ url: at.shop.shop.backend.url, key: 'not-the-key' });
    assert.match(sentence, /does not accept the key/);
    remember('wrong key', sentence);
    await keepPicture(page, '9-settings-wrong-key');
  });

  test('a backend that is away is told apart', async () => {
    const sentence = await outcomeOf({ url: `http://127.0.0.1:${await choosePort([])}` });
    assert.match(sentence, /cannot be reached/);
    remember('away', sentence);
  });

  test('a server that never answers is told apart', async () => {
    const silent = createServer(() => undefined);
    try {
      const sentence = await outcomeOf({ url: await listen(silent) });
      assert.match(sentence, /did not answer in time/);
      remember('silent', sentence);
    } finally {
      silent.close();
    }
  });

  test('a server that is not Artly Sync is told apart, and is not told the key', async () => {
    let told = '';
    const other = createHttpServer((request, response) => {
      told += JSON.stringify(request.rawHeaders);
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><h1>Welcome</h1>');
    });
    try {
      const sentence = await outcomeOf({ url: await listen(other) });
      assert.match(sentence, /is not Artly Sync/);
      remember('other server', sentence);
      assert.notEqual(told, '');
      assert.ok(!told.includes(at.shop.key));
    } finally {
      other.close();
    }
  });

  test('something that is no address is told apart', async () => {
    const sentence = await outcomeOf({ url: 'ftp://shop.example' });
    assert.match(sentence, /not a complete address/);
    remember('no address', sentence);
  });

  test('a new address is saved, and an empty key field keeps the key', async () => {
    await page.getByLabel('Address').fill(`${at.shop.shop.backend.url}/`);
    await page.getByRole('button', { name: 'Save Changes' }).click();
    await page.getByText('Settings saved.').waitFor();
    assert.match(await outcomeOf({ url: at.shop.shop.backend.url }), /^Connected/);
  });
});

function listen(server: Server | HttpServer): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}
