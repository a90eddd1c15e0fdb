import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PROCESS_KEY } from '../server/tests/support/serverProcess.ts';
import { startTestServer } from '../server/tests/support/testServer.ts';
import { keepPicture, launchBrowser } from './support/browser.ts';

const START = '#operations-Start_and_watch-startJob';

describe('the page of the API in a browser', () => {
  test('shows every call, tries one, asks no other server, and breaks no rule of its policy', async (t) => {
    const { url } = await startTestServer(t, { environment: { ARTLY_API_SECRET: PROCESS_KEY } });
    const browser = await launchBrowser();
    t.after(() => browser.close());
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));

    await page.goto(`${url}/docs`);
    await page.locator(START).waitFor();
    const description = (await (await fetch(`${url}/openapi.json`)).json()) as {
      paths: object;
      tags: { name: string }[];
    };
    const calls = Object.values(description.paths).flatMap((item) => Object.keys(item));
    assert.equal(await page.locator('.opblock').count(), calls.length);
    const groups = await page
      .locator('.opblock-tag')
      .evaluateAll((tags) => tags.map((tag) => tag.dataset.tag));
    assert.deepEqual(
      groups,
      description.tags.map(({ name }) => name),
    );

    await page.locator('.auth-wrapper .authorize').click();
    await page.locator('.modal-ux input').first().fill(PROCESS_KEY);
    await page.locator('.modal-ux .authorize').first().click();
    await page.locator('.modal-ux .btn-done').first().click();
    await page.locator(`${START} .opblock-summary-control`).click();
    await page.locator(`${START} .try-out__btn`).click();
    await page.locator(`${START} .execute`).click();
    const answer = page.locator(`${START} .live-responses-table .microlight`).first();
    assert.match((await answer.textContent()) ?? '', /"message": "The job has started with 3 records\."/);
    await keepPicture(page, 'api-page');

    assert.deepEqual(complaints, []);
    assert.deepEqual(
      asked.filter((address) => !address.startsWith(`${url}/`)),
      [],
    );
  });
});
