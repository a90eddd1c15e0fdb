import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Locator, Page } from 'playwright-core';

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

// Runs in the browser. It is text because the browser's types are not those of this program.
const NOTE_WHEN_SEEN = `
  const seen = window.artlySeen = {};
  const note = () => {
    for (const row of document.querySelectorAll('[data-job]')) seen[row.dataset.job] ??= Date.now();
  };
  note();
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
`;
const NOTE_PERCENTAGES = (jobId: string) => `
  const bar = document.querySelector('[data-job="${jobId}"] progress');
  const seen = window.artlyPercentages = [bar.value];
  new MutationObserver(() => seen.push(bar.value)).observe(bar, { attributes: true });
`;

/** The operator's dashboard as a person sees it. */
export class DashboardPage {
  readonly page: Page;
  readonly #url: string;

  constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
  }

  static async signIn(
    context: BrowserContext,
    { url, token }: { url: string; token: string },
  ): Promise<DashboardPage> {
    const page = new DashboardPage(await context.newPage(), url);
    await page.open('/');
    await page.page.getByLabel('Token').fill(token);
    await page.page.getByRole('button', { name: 'Sign in' }).click();
    await page.page.locator('.live[data-connected="true"]').waitFor();
    return page;
  }

  async open(path: string): Promise<void> {
    await this.page.goto(new URL(path, this.#url).href);
  }

  job(jobId: string): Locator {
    return this.page.locator(`[data-job="${jobId}"]`);
  }

  jobsInState(status: string): Locator {
    return this.page.locator(`[data-job][data-status="${status}"]`);
  }

  async waitForState(jobId: string, status: string): Promise<void> {
    await this.page.locator(`[data-job="${jobId}"][data-status="${status}"]`).waitFor({ timeout: 60_000 });
  }

  /** Gives, from now on, when each job was first seen: milliseconds since 1970. */
  async noteWhenSeen(): Promise<() => Promise<Record<string, number>>> {
    await this.page.evaluate(NOTE_WHEN_SEEN);
    return () => this.page.evaluate<Record<string, number>>('window.artlySeen');
  }

  /** Gives every percentage at which the bar of the job stands from now on. */
  async notePercentages(jobId: string): Promise<() => Promise<number[]>> {
    await this.page.evaluate(NOTE_PERCENTAGES(jobId));
    return () => this.page.evaluate<number[]>('window.artlyPercentages');
  }

  async untilPercentChanges(jobId: string): Promise<void> {
    const percent = this.job(jobId).locator('.percent');
    const before = (await percent.textContent()) ?? '';
    await percent.filter({ hasNotText: new RegExp(`^${before}$`) }).waitFor({ timeout: 60_000 });
  }

  /** As when another tab is chosen, or this one again. */
  async setVisibility(state: 'hidden' | 'visible'): Promise<void> {
    await this.page.evaluate(`
      Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    `);
  }

  /** What axe finds on the page as it is, but what is of little weight. */
  async seriousProblems(): Promise<string[]> {
    await this.page.evaluate(AXE);
    const violations = await this.page.evaluate<
      { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
    >('axe.run().then(({ violations }) => violations)');
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
      );
  }

  /** How many pixels the page is wider than the window. */
  async overflow(): Promise<number> {
    return this.page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
  }

  /** What has the focus, as a person would call it. */
  async focused(): Promise<string> {
    return this.page.evaluate<string>(
      "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent ?? ''",
    );
  }

  /** Presses Tab until `name` has the focus. */
  async tabTo(name: RegExp): Promise<void> {
    const passed: string[] = [];
    for (let presses = 0; presses < 60; presses += 1) {
      await this.page.keyboard.press('Tab');
      const focused = await this.focused();
      if (name.test(focused)) return;
      passed.push(focused.slice(0, 40));
    }
    throw new Error(`Tab does not come to ${name}: ${passed.join(' | ')}`);
  }
}
