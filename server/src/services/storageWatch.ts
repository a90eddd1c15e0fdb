import { SyncError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import type { Storage } from '../storage/storage.ts';
import { pause } from './pause.ts';

const CHECK_EVERY_MS = 1_000;

/**
 * Tells a storage that is away as a whole (a full disk, a lock that another program keeps) from a failure of one
 * job, and waits for it. One line in the log says that it went, and one that it is back, however many ask.
 */
export class StorageWatch {
  readonly #storage: Storage;
  readonly #log: Log;
  #away = false;

  constructor({ storage, log }: { storage: Storage; log: Log }) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Rejects with the reason while the storage is away. */
  async check(): Promise<void> {
    const reason = await this.whyAway();
    if (reason !== undefined) throw reason;
  }

  /** What is wrong with the storage as a whole, if anything is. */
  async whyAway(): Promise<unknown> {
    try {
      await this.#storage.check({});
    } catch (error) {
      const code = error instanceof SyncError ? error.code : 'INTERNAL';
      if (!this.#away) this.#log.error('storage.away', { code, cause: String(error) });
      this.#away = true;
      return error;
    }
    if (this.#away) this.#log.info('storage.back');
    this.#away = false;
    return undefined;
  }

  /** Resolves when the storage takes writes, or when `signal` is aborted. */
  async untilBack(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.whyAway()) !== undefined) await pause(CHECK_EVERY_MS, signal);
  }
}
