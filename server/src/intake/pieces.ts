/** The next pieces are rarely of exactly the same length. */
const SLACK_BYTES = 16 * 1024;

/** Bytes that came and are not read yet. They are joined only when somebody looks at them. */
export class Pieces {
  #pieces: Buffer[] = [];
  /** What was joined last, and the memory for what is joined next: they take turns. */
  #joined = Buffer.alloc(0);
  #spare = Buffer.alloc(0);
  #bytes = 0;

  /** How many bytes there are. */
  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    if (piece.length > 0) this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /**
   * Gives all of them, and keeps none: what is still wanted is added again. The bytes are good until the call after the
   * next.
   */
  takeAll(): Buffer {
    const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : this.#join();
    this.#pieces = [];
    this.#bytes = 0;
    return all;
  }

  #join(): Buffer {
    if (this.#spare.length < this.#bytes) this.#spare = Buffer.allocUnsafeSlow(this.#bytes + SLACK_BYTES);
    [this.#joined, this.#spare] = [this.#spare, this.#joined];
    let end = 0;
    for (const piece of this.#pieces) end += piece.copy(this.#joined, end);
    return this.#joined.subarray(0, end);
  }
}
