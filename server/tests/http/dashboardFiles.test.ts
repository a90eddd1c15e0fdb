import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWithOperator } from '../support/testOperator.ts';
import { RawRequest } from './rawRequest.ts';

describe('The dashboard’s files', () => {
  it('come with a policy that lets no foreign and no inline script or style in', async (test) => {
    const { operator } = await startWithOperator(test);
    const { status, headers, text } = await operator.text('/');
    assert.equal(status, 200);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|http|\*/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.doesNotMatch(text, /<script>|<style|style=|\son\w+=|https?:/);
  });

  it('are all there: each one that the page or another one names', async (test) => {
    const { operator } = await startWithOperator(test);
    const wanted = new Set(['/']);
    for (const path of wanted) {
      const { status, headers, text } = await operator.text(path);
      assert.equal(status, 200, path);
      if (path.endsWith('.ts')) assert.match(headers.get('content-type') ?? '', /^text\/javascript/);
      for (const [, name] of text.matchAll(/(?:from|href=|src=)\s*["']((?:\.|\/dashboard)\/[\w.]+)["']/g)) {
        wanted.add((name as string).replace(/^\./, '/dashboard'));
      }
    }
    assert.ok(wanted.size > 15, `${wanted.size} files`);
  });

  it('are JavaScript, without a type left', async (test) => {
    const { operator } = await startWithOperator(test);
    const { text } = await operator.text('/dashboard/format.ts');
    assert.match(text, /export function number\(value\s*\)/);
  });

  it('are not sent again while they are the same', async (test) => {
    const { operator } = await startWithOperator(test);
    const { headers } = await operator.text('/dashboard/main.ts');
    const etag = headers.get('etag') ?? '';
    const again = new RawRequest(operator.url);
    await again.write(
      `GET /dashboard/main.ts HTTP/1.1\r\nhost: a\r\nconnection: close\r\nif-none-match: ${etag}\r\n\r\n`,
    );
    assert.match(await again.answer, /^HTTP\/1.1 304 .*\r\n\r\n$/s);
    assert.equal(headers.get('cache-control'), 'no-cache');
  });

  it('are these alone', async (test) => {
    const { operator } = await startWithOperator(test);
    for (const path of [
      '/dashboard/',
      '/dashboard/nothing.ts',
      '/dashboard/../app.ts',
      '/dashboard/%2e%2e%2fapp.ts',
    ]) {
      assert.equal((await operator.text(path)).status, 404, path);
    }
    assert.equal((await operator.text('/', { method: 'POST' })).status, 405);
  });
});
