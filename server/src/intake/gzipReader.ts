import { finished } from 'node:stream/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { SyncError } from '../domain/errors.ts';

/** Compressed bytes handed to zlib at once: bounds what a bomb can blow up between two checks to about 4 MB. */
const SLICE_BYTES = 4096;

/** Records pack to a tenth or a twentieth of their size; what unpacks to more times its size than this is a bomb. */
const MOST_TIMES = 200;
/** So small a text can do no harm, however well it was packed. */
const HARMLESS_BYTES = 16 * 1024 * 1024;

/** Decompresses gzip as it comes and hands on the text; what the receiver throws stops it. */
export class GzipReader {
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: 64 * 1024 });
  #packedBytes = 0;
  #textBytes = 0;
  #problem: unknown;
  #writing: Promise<void> = Promise.resolve();
  /** Goes on with a write that a broken stream would never call back. */
  #wake: () => void = () => undefined;

  constructor(onText: (text: Buffer) => void) {
    this.#gunzip.on('data', (text: Buffer) => {
      if (this.#problem !== undefined) return;
      try {
        this.#refuseBomb(text);
        onText(text);
      } catch (error) {
        this.#problem = error;
      }
    });
    this.#gunzip.on('error', (cause) => {
      const message =
        'The body is not whole, valid gzip: compress it again, or send it without Content-Encoding.';
      this.#problem ??= new SyncError('BROKEN_GZIP', message, { cause });
      this.#wake();
    });
  }

  /** Chunks may be handed in before the one ahead of them is through; they are read in order. */
  write(chunk: Buffer): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeSlices(chunk));
    return this.#writing;
  }

  async #writeSlices(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#packedBytes += Math.min(SLICE_BYTES, chunk.length - at);
        this.#gunzip.write(chunk.subarray(at, at + SLICE_BYTES), () => resolve());
      });
      this.#throwProblem();
    }
  }

  async end(): Promise<void> {
    this.#gunzip.end();
    // A broken stream has told its error to the listener above by then.
    await finished(this.#gunzip).catch(() => undefined);
    this.#throwProblem();
  }

  close(): void {
    this.#gunzip.destroy();
  }

  #refuseBomb(text: Buffer): void {
    this.#textBytes += text.length;
    if (this.#textBytes <= HARMLESS_BYTES || this.#textBytes <= MOST_TIMES * this.#packedBytes) return;
    const message = `The body unpacks to more than ${MOST_TIMES} times its size: no list of records does. Send it without Content-Encoding.`;
    throw new SyncError('BODY_TOO_LARGE', message);
  }

  #throwProblem(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }
}
