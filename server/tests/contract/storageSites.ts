import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { NewKey, Storage } from '../../src/storage/storage.ts';

const NOW = 1_750_000_000_000;

/** Sites and their keys. */
export function sitesContract(storage: () => Storage): void {
  describe('sites', () => {
    test('a key finds its site, with the hash it was given', async () => {
      const { url, key } = { url: newUrl(), key: newKey() };
      const site = await storage().addSite({ url, key, now: NOW });
      assert.deepEqual(site, { siteId: site.siteId, url, createdAt: NOW, revokedAt: null, lastSeenAt: null });
      const found = await storage().findKey({ keyId: key.keyId });
      assert.equal(found?.siteId, site.siteId);
      assert.equal(found.siteUrl, url);
      assert.deepEqual([...found.keyHash], [...key.keyHash]);
    });

    test('an unknown key finds nothing', async () => {
      assert.equal(await storage().findKey({ keyId: newKey().keyId }), undefined);
    });

    test('a second site of one address is refused, and changes nothing', async () => {
      const [url, first, second] = [newUrl(), newKey(), newKey()];
      await storage().addSite({ url, key: first, now: NOW });
      await assert.rejects(storage().addSite({ url, key: second, now: NOW }), { code: 'SITE_EXISTS' });
      assert.ok(await storage().findKey({ keyId: first.keyId }));
      assert.equal(await storage().findKey({ keyId: second.keyId }), undefined);
    });

    test('a site whose key is taken is refused whole', async () => {
      const [url, key] = [newUrl(), newKey()];
      await storage().addSite({ url: newUrl(), key, now: NOW });
      await assert.rejects(storage().addSite({ url, key, now: NOW }));
      assert.equal(await siteOf(storage(), url), undefined);
    });

    test('ensureSite makes a site once', async () => {
      const url = newUrl();
      const made = await storage().ensureSite({ url, now: NOW });
      assert.deepEqual(await storage().ensureSite({ url, now: NOW + 1 }), made);
      assert.deepEqual(await siteOf(storage(), url), made);
    });

    test('a new key ends all keys the site had', async () => {
      const [url, old, fresh] = [newUrl(), newKey(), newKey()];
      const { siteId } = await storage().addSite({ url, key: old, now: NOW });
      assert.equal((await storage().rotateKey({ url, key: fresh, now: NOW }))?.siteId, siteId);
      assert.equal(await storage().findKey({ keyId: old.keyId }), undefined);
      assert.equal((await storage().findKey({ keyId: fresh.keyId }))?.siteId, siteId);
    });

    test('a revoked site has no key, until it gets a new one', async () => {
      const [url, old, fresh] = [newUrl(), newKey(), newKey()];
      await storage().addSite({ url, key: old, now: NOW });
      assert.equal((await storage().revokeSite({ url, now: NOW + 5 }))?.revokedAt, NOW + 5);
      assert.equal(await storage().findKey({ keyId: old.keyId }), undefined);
      assert.equal((await siteOf(storage(), url))?.revokedAt, NOW + 5);
      assert.equal((await storage().rotateKey({ url, key: fresh, now: NOW + 9 }))?.revokedAt, null);
      assert.ok(await storage().findKey({ keyId: fresh.keyId }));
    });

    test('an unknown site is neither rotated nor revoked nor made', async () => {
      const [url, key] = [newUrl(), newKey()];
      assert.equal(await storage().rotateKey({ url, key, now: NOW }), undefined);
      assert.equal(await storage().revokeSite({ url, now: NOW }), undefined);
      assert.equal(await siteOf(storage(), url), undefined);
      assert.equal(await storage().findKey({ keyId: key.keyId }), undefined);
    });

    test('a site is seen when it was there', async () => {
      const url = newUrl();
      const { siteId } = await storage().ensureSite({ url, now: NOW });
      await storage().noteSeen({ siteId, now: NOW + 60_000 });
      assert.equal((await siteOf(storage(), url))?.lastSeenAt, NOW + 60_000);
    });
  });
}

function newUrl(): string {
  return `https://${randomUUID()}.example`;
}

function newKey(): NewKey {
  return { keyId: randomUUID(), keyHash: crypto.getRandomValues(new Uint8Array(32)) };
}

async function siteOf(storage: Storage, url: string) {
  return (await storage.listSites({})).find((site) => site.url === url);
}
