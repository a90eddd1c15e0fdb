import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { hasEnded, members, TestSite, temporaryFolder } from '../support/testServer.ts';
import { runCli, serve } from './runCli.ts';

const KEY = /artly_[0-9a-f]{16}_[A-Za-z0-9_-]{43}/;
const SHOP = 'https://shop.example';

describe('artly-sync sites', () => {
  it('adds a site and shows its key once, which then signs in and stands nowhere', async (test) => {
    const { cli, path, environment } = await database(test);
    const added = await cli('sites', 'add', `${SHOP}/`);
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /^The key of https:\/\/shop\.example, shown this once:/);
    const key = KEY.exec(added.stdout)?.[0] as string;
    const { url, stop } = await serve(test, environment);
    assert.equal(await statusWith(url, key), 200);
    await stop();
    const stored = await readFile(path, 'latin1');
    assert.ok(stored.includes(SHOP));
    assert.ok(!stored.includes(key.slice(-43)), 'the secret stands in the database');
    assert.doesNotMatch((await cli('sites', 'list')).stdout, KEY);
  });

  it('lists the sites, when each was last seen and which are revoked', async (test) => {
    const { cli } = await database(test);
    assert.match((await cli('sites', 'list')).stdout, /^No site yet: .*sites add/);
    await cli('sites', 'add', 'https://b.example');
    await cli('sites', 'add', 'https://a.example/shop/');
    await cli('sites', 'revoke', 'https://b.example');
    const [first, second, ...more] = (await cli('sites', 'list')).stdout.trimEnd().split('\n');
    assert.equal(first, 'https://a.example/shop  never seen');
    assert.match(second ?? '', /^https:\/\/b\.example {2}never seen {2}revoked \d{4}-\d\d-\d\dT/);
    assert.deepEqual(more, []);
  });

  it('rotates and revokes keys while the server runs, with effect at once', async (test) => {
    const { cli, environment } = await database(test);
    const key = KEY.exec((await cli('sites', 'add', SHOP)).stdout)?.[0] as string;
    const { url } = await serve(test, environment);
    assert.equal(await statusWith(url, key), 200);
    const next = KEY.exec((await cli('sites', 'rotate', SHOP)).stdout)?.[0] as string;
    assert.notEqual(next, key);
    assert.deepEqual([await statusWith(url, key), await statusWith(url, next)], [401, 200]);
    const revoked = await cli('sites', 'revoke', SHOP);
    assert.deepEqual(
      [revoked.code, revoked.stdout],
      [0, `No key of ${SHOP} is valid any more. Its data stays.\n`],
    );
    assert.equal(await statusWith(url, next), 401);
  });

  it('speaks JSON where that is asked for', async (test) => {
    const { cli } = await database(test);
    const added = JSON.parse((await cli('sites', 'add', SHOP, '--json')).stdout);
    assert.deepEqual(Object.keys(added), ['siteId', 'url', 'createdAt', 'revokedAt', 'lastSeenAt', 'key']);
    assert.match(added.key, KEY);
    const { key: _key, ...site } = added;
    assert.deepEqual(JSON.parse((await cli('sites', 'list', '--json')).stdout), [site]);
    assert.equal(JSON.parse((await cli('sites', 'revoke', SHOP, '--json')).stdout).url, SHOP);
  });

  it('refuses what can’t be done with exit code 1 and one sentence', async (test) => {
    const { cli } = await database(test);
    await cli('sites', 'add', SHOP);
    const refusals: [args: string[], sentence: RegExp][] = [
      [['add', SHOP], /There is a site https:\/\/shop\.example already: .*rotate/],
      [['rotate', 'https://other.example'], /There is no site https:\/\/other\.example: .*sites list/],
      [['revoke', 'https://other.example'], /There is no site https:\/\/other\.example/],
      [
        ['add', 'shop.example'],
        /"shop\.example" is no address of a site: give it as https:\/\/shop\.example\./,
      ],
      [['add', 'ftp://shop.example'], /is no address of a site/],
    ];
    for (const [args, sentence] of refusals) {
      const { code, stdout, stderr } = await cli('sites', ...args);
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(stderr, sentence);
      assert.match(stderr, /^artly-sync: [^\n]+\n$/);
    }
  });

  it('removes a site with all that is its own, when that is meant', async (test) => {
    const { cli, environment } = await database(test);
    const key = KEY.exec((await cli('sites', 'add', SHOP)).stdout)?.[0] as string;
    const { url } = await serve(test, environment);
    const shop = new TestSite(url, key);
    await shop.waitFor(await shop.start(members(2)), hasEnded);
    const asked = await cli('sites', 'remove', SHOP);
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /^artly-sync: This deletes https:\/\/shop\.example .*--yes/);
    assert.equal(await statusWith(url, key), 200);
    const removed = await cli('sites', 'remove', SHOP, '--yes');
    assert.equal(
      removed.stdout,
      `Deleted ${SHOP}: its keys, 1 jobs with their history, 2 balances, and 0 events and users.\n`,
    );
    assert.equal(await statusWith(url, key), 401);
    assert.match((await cli('sites', 'list')).stdout, /^No site yet/);
    assert.equal((await cli('sites', 'remove', SHOP, '--yes')).code, 1);
  });

  it('does not remove the site "default" while ARTLY_API_SECRET lets it in', async (test) => {
    const { environment } = await database(test);
    const withSecret = { ...environment, ARTLY_API_SECRET: 'a-secret-of-the-environment' };
    const { code, stderr } = await runCli(['sites', 'remove', 'default', '--yes'], withSecret);
    assert.equal(code, 1);
    assert.match(stderr, /unset it and restart the server/);
  });

  it('refuses a database in memory, which no server will ever see', async () => {
    const { code, stdout, stderr } = await runCli(['sites', 'add', SHOP], {
      DATABASE_URL: 'sqlite::memory:',
    });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^artly-sync: [^\n]+\n$/);
  });

  it('does not say of the site "default" that it is locked out while ARTLY_API_SECRET still lets it in', async (test) => {
    const { environment } = await database(test);
    const withSecret = { ...environment, ARTLY_API_SECRET: 'a-secret-of-the-environment' };
    const { url, stop } = await serve(test, withSecret);
    const { stdout, stderr } = await runCli(['sites', 'revoke', 'default'], withSecret);
    const stillIn = (await statusWith(url, 'a-secret-of-the-environment')) === 200;
    await stop();
    if (stillIn) assert.match(stdout + stderr, /ARTLY_API_SECRET/);
  });
});

async function database(test: TestContext) {
  const path = join(await temporaryFolder(test), 'artly.db');
  const environment = { DATABASE_URL: `sqlite:${path}` };
  return { path, environment, cli: (...args: string[]) => runCli(args, environment) };
}

async function statusWith(url: string, key: string): Promise<number> {
  const response = await fetch(`${url}/artly/sync/jobs`, { headers: { 'x-artly-secret': key } });
  await response.text();
  return response.status;
}
