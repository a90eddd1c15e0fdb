import type { Locator, Page, Response } from 'playwright-core';

export type SyncState = 'idle' | 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** How long a state may take to show: the machine of a test may be slow, and at times is made slow. */
const PATIENCE_MS = 60_000;

// Runs in the browser. It is text because the browser's types are not those of this program.
const RECORD_PERCENTAGES = `
  const percent = document.getElementById('artly-sync-percent');
  const seen = window.artlySeenPercentages = [];
  new MutationObserver(() => seen.push(parseInt(percent.textContent, 10)))
    .observe(percent, { childList: true, characterData: true, subtree: true });
`;

/** The plugin's page as a person sees it. */
export class SyncPage {
  readonly page: Page;
  readonly root: Locator;
  readonly startButton: Locator;
  readonly cancelButton: Locator;
  readonly status: Locator;
  readonly detail: Locator;

  constructor(page: Page) {
    this.page = page;
    this.root = page.locator('#artly-sync');
    this.startButton = page.locator('#artly-sync-start');
    this.cancelButton = page.locator('#artly-sync-cancel');
    this.status = page.locator('#artly-sync-status');
    this.detail = page.locator('#artly-sync-detail');
  }

  /** Goes there by the menu, as a person does. */
  async openByMenu(): Promise<void> {
    await this.page.locator('#adminmenu').getByRole('link', { name: 'Artly Sync' }).first().click();
    await this.root.waitFor();
  }

  /**
   * Starts a sync that is watched live, however short it is: the site says how it stands only after the backend has
   * answered the browser. Gives that answer.
   */
  async startAndWatchLive(backendUrl: string): Promise<Response> {
    const answer = this.page.waitForResponse((response) => response.url().startsWith(backendUrl));
    await this.page.route('**/admin-ajax.php', async (route) => {
      if (route.request().postData()?.includes('artly_get_sync_job_status')) await answer;
      await route.continue();
    });
    await this.startButton.click();
    return answer;
  }

  async waitFor(state: SyncState): Promise<void> {
    await this.page.locator(`#artly-sync[data-state="${state}"]`).waitFor({ timeout: PATIENCE_MS });
  }

  async waitForText(locator: Locator, text: RegExp): Promise<void> {
    await locator.filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });
  }

  /** Waits until the bar stands somewhere between its ends, and gives where. */
  async waitUntilHalfWay(): Promise<number> {
    await this.waitFor('running');
    const percent = "parseInt(document.getElementById('artly-sync-percent').textContent, 10)";
    await this.page.waitForFunction(`${percent} > 0 && ${percent} < 100`, undefined, {
      timeout: PATIENCE_MS,
    });
    return this.percent();
  }

  async state(): Promise<string | null> {
    return this.root.getAttribute('data-state');
  }

  async percent(): Promise<number> {
    return Number.parseInt(await this.#text('#artly-sync-percent'), 10);
  }

  /** The bar itself, which must say the same as the number beside it. */
  async bar(): Promise<number> {
    return Number(await this.page.locator('#artly-sync-progress').getAttribute('value'));
  }

  async count(): Promise<string> {
    return this.#text('#artly-sync-count');
  }

  async updated(): Promise<number> {
    return Number((await this.#text('#artly-sync-updated')).replaceAll(',', ''));
  }

  /** Notes every percentage that the page shows from now on. */
  async recordPercentages(): Promise<() => Promise<number[]>> {
    await this.page.evaluate(RECORD_PERCENTAGES);
    return () => this.page.evaluate<number[]>('window.artlySeenPercentages');
  }

  async #text(selector: string): Promise<string> {
    return (await this.page.locator(selector).textContent()) ?? '';
  }
}
