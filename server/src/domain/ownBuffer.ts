/** The buffer under `bytes`, where nobody else can have a part of it, as of a small one from Node's pool. */
export function ownBufferOf({ buffer }: Uint8Array): ArrayBuffer | undefined {
  return buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize ? buffer : undefined;
}

/** Frees bytes that nobody wants any more, at once: left to the collector, some tens of MB of them wait for it. */
export function freeBytes(bytes: Uint8Array): void {
  ownBufferOf(bytes)?.transfer(0);
}
