import type { Batch } from '../domain/batch.ts';
import { ThreadClient } from '../threads/threadClient.ts';

export interface IntakeLimits {
  maxRecords: number;
  /** Bytes of the body after decompression. */
  maxBodyBytes: number;
  /** Rejected records whose reasons are kept; the others are counted. */
  maxRejects: number;
}

/** How the records of a body are packed. */
export interface BodyFormat {
  /** A record a line; else one JSON array. */
  ndjson: boolean;
  gzip: boolean;
}

export interface UploadFormat extends BodyFormat, IntakeLimits {
  /** The type of job that its records are of. */
  type: string;
  /** Whether the SHA-256 of the text is wanted: it costs as much time as all the rest. */
  hashed: boolean;
  /** Records that the whole job has at least, as far as is known: its batches may be as large as that allows. */
  expectedTotal: number;
}

/** Parses and checks bodies on a thread of its own, so that the thread which answers requests never waits for one. */
export class Intake {
  readonly #thread = new ThreadClient({ file: new URL('./intakeThread.ts', import.meta.url), data: null });
  #nextUpload = 1;

  async open(format: UploadFormat): Promise<Upload> {
    const upload = this.#nextUpload++;
    await this.#thread.call('open', { upload, ...format });
    return new Upload(this.#thread, upload);
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}

/** What is known when a body is whole: the last batches, the records in all of them, and its hash, if it was wanted. */
export interface WholeBody {
  batches: Batch[];
  total: number;
  hash: Uint8Array | undefined;
}

/**
 * One body on its way in. Writes may overlap and are read in order; `end` comes after the last one has resolved. A
 * broken body rejects with a `SyncError`.
 */
export class Upload {
  readonly #thread: ThreadClient;
  readonly #upload: number;

  constructor(thread: ThreadClient, upload: number) {
    this.#thread = thread;
    this.#upload = upload;
  }

  /** Hands in the next bytes, which are gone here then; gives the batches that are finished now. */
  async write(chunk: Uint8Array): Promise<Batch[]> {
    const { buffer } = chunk;
    // Only who has all of a buffer may give it away: another piece of it may still be wanted.
    const whole = buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength;
    const argument = { upload: this.#upload, chunk };
    return (await this.#thread.call('write', argument, whole ? [buffer] : [])) as Batch[];
  }

  /** The body is whole: gives the last batches. */
  async end(): Promise<WholeBody> {
    return (await this.#thread.call('end', { upload: this.#upload })) as WholeBody;
  }

  /** Forgets the upload, whatever its state. */
  async discard(): Promise<void> {
    await this.#thread.call('discard', { upload: this.#upload });
  }
}
