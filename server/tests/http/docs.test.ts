import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startTestServer } from '../support/testServer.ts';

describe('The page of the API', () => {
  it('may load what this server gives, and run no script that stands in a page', async (test) => {
    const shop = await startTestServer(test);
    const response = await fetch(`${shop.url}/docs`);
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    const page = await response.text();
    assert.doesNotMatch(page, /<script>|<style|style=|\son\w+=|https?:/);
  });

  it('loads only files that there are, each with its type', async (test) => {
    const shop = await startTestServer(test);
    const page = await (await fetch(`${shop.url}/docs`)).text();
    const files = [...page.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, file]) => file as string);
    assert.equal(files.length, 4);
    for (const file of files) {
      const response = await fetch(`${shop.url}/${file}`);
      assert.equal(response.status, 200, file);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff', file);
      assert.match(response.headers.get('content-type') ?? '', TYPES[file.split('.').at(-1) ?? ''] ?? /^$/);
      assert.ok((await response.arrayBuffer()).byteLength > 100, file);
    }
  });

  it('gives no other file of the package it comes in', async (test) => {
    const shop = await startTestServer(test);
    for (const file of ['package.json', 'index.html', 'constructor', '..%2fpackage.json', '__proto__']) {
      const response = await fetch(`${shop.url}/docs/${file}`);
      const { error } = (await response.json()) as { error: string };
      assert.deepEqual([response.status, error], [404, 'NOT_FOUND'], file);
    }
  });
});

const TYPES: Record<string, RegExp> = { css: /^text\/css/, js: /^text\/javascript/, png: /^image\/png/ };
