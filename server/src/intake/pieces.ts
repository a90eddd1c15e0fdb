import { freeBytes } from '../domain/ownBuffer.ts';

/** Room to begin with; records as long as allowed make it grow. */
const FIRST_BYTES = 256 * 1024;

/** Bytes that came and are not read yet, joined: what is added is copied, and its own memory may go at once. */
export class Pieces {
  /** What is joined now, and the memory for what comes after it: they take turns. */
  #joined = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #spare = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #bytes = 0;

  /** How many bytes there are. */
  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    const bytes = this.#bytes + piece.length;
    if (bytes > this.#joined.length) {
      const larger = Buffer.allocUnsafeSlow(2 * bytes);
      this.#joined.copy(larger, 0, 0, this.#bytes);
      freeBytes(this.#joined);
      this.#joined = larger;
    }
    piece.copy(this.#joined, this.#bytes);
    this.#bytes = bytes;
  }

  /**
   * Gives all of them, and keeps none: what is still wanted is added again. The bytes are good until the call after the
   * next.
   */
  takeAll(): Buffer {
    const all = this.#joined.subarray(0, this.#bytes);
    [this.#joined, this.#spare] = [this.#spare, this.#joined];
    this.#bytes = 0;
    return all;
  }

  /** Gives the memory back: nothing can be added any more. */
  free(): void {
    freeBytes(this.#joined);
    freeBytes(this.#spare);
  }
}
