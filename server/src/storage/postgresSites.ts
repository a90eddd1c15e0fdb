import { SyncError } from '../domain/errors.ts';
import type { Connection, PostgresDatabase, Row } from './postgresDatabase.ts';
import { siteFromRow, siteKeyFromRow } from './rows.ts';
import type { NewKey, Site, SiteKey } from './storage.ts';

/** Sites and their keys on PostgreSQL: the methods of the port of the same names. */

export function addSite(
  db: PostgresDatabase,
  { url, key, now }: { url: string; key: NewKey; now: number },
): Promise<Site> {
  return db.transaction(async (tx) => {
    const site = await insertSite(tx, url, now);
    if (site === undefined) {
      throw new SyncError(
        'SITE_EXISTS',
        `There is a site ${url} already: give it a new key with "artly-sync sites rotate ${url}".`,
      );
    }
    await insertKey(tx, site.siteId, key, now);
    return site;
  });
}

export function ensureSite(db: PostgresDatabase, { url, now }: { url: string; now: number }): Promise<Site> {
  return db.transaction(async (tx) => {
    return (await insertSite(tx, url, now)) ?? ((await heldSite(tx, url)) as Site);
  });
}

export function rotateKey(
  db: PostgresDatabase,
  { url, key, now }: { url: string; key: NewKey; now: number },
): Promise<Site | undefined> {
  return db.race(async (tx) => {
    const site = await heldSite(tx, url);
    if (site === undefined) return undefined;
    await deleteKeys(tx, site.siteId);
    await insertKey(tx, site.siteId, key, now);
    return setRevoked(tx, site.siteId, null);
  });
}

export function revokeSite(
  db: PostgresDatabase,
  { url, now }: { url: string; now: number },
): Promise<Site | undefined> {
  return db.race(async (tx) => {
    const site = await heldSite(tx, url);
    if (site === undefined) return undefined;
    await deleteKeys(tx, site.siteId);
    return setRevoked(tx, site.siteId, now);
  });
}

export async function listSites(db: PostgresDatabase): Promise<Site[]> {
  return (await db.all('SELECT * FROM artly.sites ORDER BY url')).map(siteFromRow);
}

export async function findKey(
  db: PostgresDatabase,
  { keyId }: { keyId: string },
): Promise<SiteKey | undefined> {
  const row = await db.get(
    `SELECT s.site_id, s.url, k.key_hash FROM artly.site_keys AS k JOIN artly.sites AS s USING (site_id)
     WHERE k.key_id = :keyId`,
    { keyId },
  );
  return row && siteKeyFromRow(row);
}

export async function noteSeen(
  db: PostgresDatabase,
  { siteId, now }: { siteId: number; now: number },
): Promise<void> {
  await db.transaction((tx) =>
    tx.run('UPDATE artly.sites SET last_seen_at = :now WHERE site_id = :siteId', { siteId, now }),
  );
}

/** `undefined` where there is one of this address. Of two at once, the second waits for the first. */
async function insertSite(tx: Connection, url: string, now: number): Promise<Site | undefined> {
  const row = await tx.get(
    'INSERT INTO artly.sites (url, created_at) VALUES (:url, :now) ON CONFLICT (url) DO NOTHING RETURNING *',
    { url, now },
  );
  return row && siteFromRow(row);
}

/** The site, held until the transaction ends: its keys change one call after the other. */
async function heldSite(tx: Connection, url: string): Promise<Site | undefined> {
  const row = await tx.get('SELECT * FROM artly.sites WHERE url = :url FOR NO KEY UPDATE', { url });
  return row && siteFromRow(row);
}

async function setRevoked(tx: Connection, siteId: number, revokedAt: number | null): Promise<Site> {
  const row = await tx.get(
    'UPDATE artly.sites SET revoked_at = :revokedAt WHERE site_id = :siteId RETURNING *',
    { siteId, revokedAt },
  );
  return siteFromRow(row as Row);
}

async function insertKey(
  tx: Connection,
  siteId: number,
  { keyId, keyHash }: NewKey,
  now: number,
): Promise<void> {
  await tx.run(
    `INSERT INTO artly.site_keys (key_id, site_id, key_hash, created_at) VALUES (:keyId, :siteId, :keyHash, :now)`,
    { keyId, siteId, keyHash, now },
  );
}

/** With them go the tickets that were made by them. */
async function deleteKeys(tx: Connection, siteId: number): Promise<void> {
  await tx.run('DELETE FROM artly.tickets WHERE site_id = :siteId', { siteId });
  await tx.run('DELETE FROM artly.site_keys WHERE site_id = :siteId', { siteId });
}
