import { SyncError } from '../domain/errors.ts';
import { siteFromRow, siteKeyFromRow } from './rows.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import type { NewKey, Site, SiteKey } from './storage.ts';

/** Sites and their keys on SQLite: the methods of the port of the same names. */

export function addSite(
  db: SqliteDatabase,
  { url, key, now }: { url: string; key: NewKey; now: number },
): Site {
  return db.transaction(() => {
    if (siteByUrl(db, url) !== undefined) {
      throw new SyncError(
        'SITE_EXISTS',
        `There is a site ${url} already: give it a new key with "artly-sync sites rotate ${url}".`,
      );
    }
    const site = ensure(db, url, now);
    insertKey(db, site.siteId, key, now);
    return site;
  });
}

export function ensureSite(db: SqliteDatabase, { url, now }: { url: string; now: number }): Site {
  return db.transaction(() => ensure(db, url, now));
}

export function rotateKey(
  db: SqliteDatabase,
  { url, key, now }: { url: string; key: NewKey; now: number },
): Site | undefined {
  return db.race(() => {
    const site = siteByUrl(db, url);
    if (site === undefined) return undefined;
    deleteKeys(db, site.siteId);
    insertKey(db, site.siteId, key, now);
    db.run('UPDATE sites SET revoked_at = NULL WHERE site_id = :siteId', { siteId: site.siteId });
    return siteByUrl(db, url);
  });
}

export function revokeSite(db: SqliteDatabase, { url, now }: { url: string; now: number }): Site | undefined {
  return db.race(() => {
    const site = siteByUrl(db, url);
    if (site === undefined) return undefined;
    deleteKeys(db, site.siteId);
    db.run('UPDATE sites SET revoked_at = :now WHERE site_id = :siteId', { siteId: site.siteId, now });
    return siteByUrl(db, url);
  });
}

export function listSites(db: SqliteDatabase): Site[] {
  return db.all('SELECT * FROM sites ORDER BY url').map(siteFromRow);
}

export function findKey(db: SqliteDatabase, { keyId }: { keyId: string }): SiteKey | undefined {
  const row = db.get(
    `SELECT s.site_id, s.url, k.key_hash FROM site_keys k JOIN sites s USING (site_id) WHERE k.key_id = :keyId`,
    { keyId },
  );
  return row && siteKeyFromRow(row);
}

export function noteSeen(db: SqliteDatabase, { siteId, now }: { siteId: number; now: number }): void {
  db.run('UPDATE sites SET last_seen_at = :now WHERE site_id = :siteId', { siteId, now });
}

function ensure(db: SqliteDatabase, url: string, now: number): Site {
  db.run('INSERT INTO sites (url, created_at) VALUES (:url, :now) ON CONFLICT (url) DO NOTHING', {
    url,
    now,
  });
  return siteByUrl(db, url) as Site;
}

function siteByUrl(db: SqliteDatabase, url: string): Site | undefined {
  const row = db.get('SELECT * FROM sites WHERE url = :url', { url });
  return row === undefined ? undefined : siteFromRow(row);
}

function insertKey(db: SqliteDatabase, siteId: number, { keyId, keyHash }: NewKey, now: number): void {
  db.run(
    `INSERT INTO site_keys (key_id, site_id, key_hash, created_at) VALUES (:keyId, :siteId, :keyHash, :now)`,
    { keyId, siteId, keyHash, now },
  );
}

/** With them go the tickets that were made by them. */
function deleteKeys(db: SqliteDatabase, siteId: number): void {
  db.run('DELETE FROM tickets WHERE site_id = :siteId', { siteId });
  db.run('DELETE FROM site_keys WHERE site_id = :siteId', { siteId });
}
