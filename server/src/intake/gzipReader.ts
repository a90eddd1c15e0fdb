import { finished } from 'node:stream/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { SyncError } from '../domain/errors.ts';

/** Compressed bytes handed to zlib at once: bounds what a bomb can blow up between two checks to about 4 MB. */
const SLICE_BYTES = 4096;

/** Decompresses gzip as it comes and hands on the text; what the receiver throws stops it. */
export class GzipReader {
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: 64 * 1024 });
  #problem: unknown;
  #writing: Promise<void> = Promise.resolve();
  /** Goes on with a write that a broken stream would never call back. */
  #wake: () => void = () => undefined;

  constructor(onText: (text: Buffer) => void) {
    this.#gunzip.on('data', (text: Buffer) => {
      if (this.#problem !== undefined) return;
      try {
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

  #throwProblem(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }
}
