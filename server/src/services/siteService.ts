import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { SyncError } from '../domain/errors.ts';
import type { Actor, DroppedOfSite, NewKey, Site, Storage } from '../storage/storage.ts';
import type { Clock } from './clock.ts';

/** The site a request comes from. */
export interface SignedInSite {
  siteId: number;
  siteUrl: string;
}

/** What was deleted of a site; while there is more, the site still stands, without a key. */
export interface Removal {
  site: Site;
  dropped: DroppedOfSite;
  more: boolean;
}

/** The site that `ARTLY_API_SECRET` signs in. */
export const DEFAULT_SITE = 'default';
const SEEN_EVERY_MS = 60_000;
/** What one transaction deletes of a site: bounds how long others wait for it. */
const ROWS_A_SLICE = 1_000;
const JOBS_A_PAGE = 100;
/** `artly_`, the part that finds the row, and the secret: 256 random bits. */
const KEY = /^artly_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Sites and their sign-in. A key is shown once and kept only as a hash. */
export class SiteService {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #seenAt = new Map<number, number>();
  #environmentKey: { hash: Buffer; site: SignedInSite } | undefined;

  constructor({ storage, clock }: { storage: Storage; clock: Clock }) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** Lets `secret` sign in too, for a site called `default`. */
  async allowEnvironmentKey(secret: string): Promise<void> {
    const { siteId, url } = await this.#storage.ensureSite({ url: DEFAULT_SITE, now: this.#clock.now() });
    this.#environmentKey = { hash: hashOf(secret), site: { siteId, siteUrl: url } };
  }

  /** The site of the key, or an error that says what is wrong with it. */
  async signIn(key: string | undefined): Promise<SignedInSite> {
    if (key === undefined || key === '') {
      throw new SyncError(
        'MISSING_KEY',
        'The key of the site is missing: send it in the header x-artly-secret.',
      );
    }
    const site = this.#environmentSite(key) ?? (await this.#storedSite(key));
    if (site === undefined) {
      throw new SyncError(
        'WRONG_KEY',
        'The key is not valid: check it, or make a new one with "artly-sync sites rotate".',
      );
    }
    this.#noteSeen(site.siteId);
    return site;
  }

  async add(url: string): Promise<{ site: Site; key: string }> {
    const { key, kept } = newKey();
    const site = await this.#storage.addSite({ url: siteAddress(url), key: kept, now: this.#clock.now() });
    return { site, key };
  }

  async rotate(url: string): Promise<{ site: Site; key: string }> {
    const { key, kept } = newKey();
    const address = siteAddress(url);
    const site = await this.#storage.rotateKey({ url: address, key: kept, now: this.#clock.now() });
    return { site: foundSite(site, address), key };
  }

  async revoke(url: string): Promise<Site> {
    const address = siteAddress(url);
    return foundSite(await this.#storage.revokeSite({ url: address, now: this.#clock.now() }), address);
  }

  /**
   * Deletes a site and all that is its own, and says how much that was. Its keys end first, then its jobs; broken off
   * in the middle, or after `longestMs`, it goes on when called again.
   */
  async remove(url: string, actor: Actor, { longestMs = Infinity } = {}): Promise<Removal> {
    const end = this.#clock.now() + longestMs;
    this.#refuseLetIn(siteAddress(url));
    const site = await this.revoke(url);
    const { siteId } = site;
    await this.#cancelAll(siteId, actor);
    const dropped: DroppedOfSite = { jobs: 0, balances: 0, records: 0 };
    let more = true;
    while (more && this.#clock.now() <= end) {
      const slice = await this.#storage.dropSite({ siteId, limit: ROWS_A_SLICE });
      dropped.jobs += slice.dropped.jobs;
      dropped.balances += slice.dropped.balances;
      dropped.records += slice.dropped.records;
      more = slice.more;
    }
    return { site, dropped, more };
  }

  async list(): Promise<Site[]> {
    return this.#storage.listSites({});
  }

  /** It would be let in for a site that is no more. */
  #refuseLetIn(url: string): void {
    if (url !== this.#environmentKey?.site.siteUrl) return;
    throw new SyncError(
      'SITE_LET_IN',
      `ARTLY_API_SECRET lets the site "${url}" in: unset it and restart the server first.`,
    );
  }

  async #cancelAll(siteId: number, actor: Actor): Promise<void> {
    for (const status of ['pending', 'running'] as const) {
      const filter = { siteId, type: null, status, cursor: null, limit: JOBS_A_PAGE };
      let jobs = await this.#storage.listJobs(filter);
      while (jobs.length > 0) {
        for (const { jobId } of jobs)
          await this.#storage.cancel({ siteId, jobId, actor, now: this.#clock.now() });
        jobs = await this.#storage.listJobs(filter);
      }
    }
  }

  #environmentSite(key: string): SignedInSite | undefined {
    const environment = this.#environmentKey;
    return environment !== undefined && timingSafeEqual(environment.hash, hashOf(key))
      ? environment.site
      : undefined;
  }

  async #storedSite(key: string): Promise<SignedInSite | undefined> {
    const keyId = KEY.exec(key)?.[1];
    if (keyId === undefined) return undefined;
    const stored = await this.#storage.findKey({ keyId });
    if (stored === undefined || !timingSafeEqual(stored.keyHash, hashOf(key))) return undefined;
    return { siteId: stored.siteId, siteUrl: stored.siteUrl };
  }

  /** Nobody waits for this write: a request that only looks is answered also while the storage takes none. */
  #noteSeen(siteId: number): void {
    const now = this.#clock.now();
    if (now - (this.#seenAt.get(siteId) ?? 0) < SEEN_EVERY_MS) return;
    this.#seenAt.set(siteId, now);
    this.#storage.noteSeen({ siteId, now }).catch(() => this.#seenAt.delete(siteId));
  }
}

function newKey(): { key: string; kept: NewKey } {
  const keyId = randomBytes(8).toString('hex');
  const key = `artly_${keyId}_${randomBytes(32).toString('base64url')}`;
  return { key, kept: { keyId, keyHash: hashOf(key) } };
}

/** A key has 256 random bits, so a fast hash is safe: there is nothing to guess. */
function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** A site is known by its address, without a slash at the end. */
function siteAddress(text: string): string {
  if (text === DEFAULT_SITE) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new SyncError(
      'SITE_URL_INVALID',
      `"${text}" is no address of a site: give it as https://shop.example.`,
    );
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function foundSite(site: Site | undefined, url: string): Site {
  if (site !== undefined) return site;
  throw new SyncError('SITE_NOT_FOUND', `There is no site ${url}: see "artly-sync sites list".`);
}
