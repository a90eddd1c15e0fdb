import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findProgram } from '../../demo/programs.ts';

/** Chromium as it is on this machine. It speaks to this machine only, whatever a page asks for. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.ARTLY_CHROMIUM ?? findProgram('chromium'),
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}

export type SignInDetails = { siteUrl: string; user: string; password: string };

/** Signs in by WordPress's own form. */
export async function signIn(context: BrowserContext, details: SignInDetails): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${details.siteUrl}/wp-login.php`);
  // The form takes the focus to its first field a moment after it has loaded; text typed across that moment would
  // land in the wrong field.
  await page.waitForFunction("document.activeElement?.id === 'user_login'");
  await page.getByLabel('Username or Email Address').fill(details.user);
  await page.getByLabel('Password', { exact: true }).fill(details.password);
  await page.getByRole('button', { name: 'Log In' }).click();
  await page.waitForURL(/\/wp-admin\//);
  return page;
}

/** Keeps a picture of the page where ARTLY_SCREENSHOTS names a folder for them. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env.ARTLY_SCREENSHOTS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}
