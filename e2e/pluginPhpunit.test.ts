import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../demo/programs.ts';
import { TestShop } from './support/testShop.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe("the plugin's own tests", () => {
  let shop: TestShop;

  before(async () => {
    shop = await TestShop.start();
  });

  after(() => shop?.stop());

  test('pass in a real WordPress', async () => {
    const { code, printed, complained } = await runPhpunit(shop.shop.wordpress.root);
    process.stdout.write(printed);
    assert.equal(code, 0, complained);
    assert.match(printed, /^OK\b/m, 'PHPUnit ran tests, and none was skipped or risky');
  });
});

type Outcome = { code: number | null; printed: string; complained: string };

function runPhpunit(wordpressRoot: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const phpunit = spawn(findProgram('php'), ['vendor/bin/phpunit', '--colors=never'], {
      cwd: ROOT,
      env: { ...process.env, ARTLY_TEST_WP_ROOT: wordpressRoot },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const outcome = { printed: '', complained: '' };
    phpunit.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.printed += text;
    });
    // WordPress 6.1 is not silent on a newer PHP: shown only where something failed.
    phpunit.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.complained += text;
    });
    phpunit.once('error', reject);
    phpunit.once('close', (code) => resolve({ code, ...outcome }));
  });
}
