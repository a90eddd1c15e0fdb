/** Bytes that came and are not read yet. They are joined only when somebody looks at them. */
export class Pieces {
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** How many bytes there are. */
  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    if (piece.length > 0) this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Gives all of them, and keeps none: what is still wanted is added again. */
  takeAll(): Buffer {
    const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return all;
  }
}
