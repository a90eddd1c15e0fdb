import type { Log } from '../domain/log.ts';
import type { Storage } from '../storage/storage.ts';

/** Removes uploads that came to nothing: at once where that works, and else when the sweep comes by. */
export class UploadDiscard {
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #left = new Set<string>();

  constructor({ storage, log }: { storage: Storage; log: Log }) {
    this.#storage = storage;
    this.#log = log;
  }

  /** A failure here must not hide why the upload ended; what stays is invisible, and goes soon. */
  async discard(jobId: string): Promise<void> {
    try {
      await this.#storage.discardUpload({ jobId });
    } catch (error) {
      this.#left.add(jobId);
      this.#log.warn('upload.left', { jobId, cause: String(error) });
    }
  }

  /** Removes what could not be removed at once; the sweep calls this again and again. */
  async discardLeft(): Promise<void> {
    for (const jobId of this.#left) {
      await this.#storage.discardUpload({ jobId });
      this.#left.delete(jobId);
    }
  }
}
