import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** UTF-8 text, compressed by zstd: a fifth of its size for what a batch holds, at a tenth of the time of applying it. */
export type PackedText = Uint8Array;

/** The quickest level. A higher one takes half as long again and saves nothing here. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export function packText(text: string | Uint8Array): PackedText {
  return zstdCompressSync(text, OPTIONS);
}

/** The text as its bytes: who hands it to a database needs no string of it. */
export function unpackText(packed: PackedText): Buffer {
  return zstdDecompressSync(packed);
}
