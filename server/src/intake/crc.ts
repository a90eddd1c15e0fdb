/** CRC-32, as zlib has it, where a call of zlib's `crc32` for each short text would cost more than the sum. */

/** What a byte adds, by how many bytes (0 to 3) come behind it in the four that are taken at once. */
const TABLES = new Int32Array(4 * 256);
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  TABLES[byte] = crc;
}
for (let at = 256; at < TABLES.length; at += 1) TABLES[at] = crcOfByte(TABLES[at - 256] as number, 0);

/** A sum begins with -1 and ends with its complement. */
export function crcOfByte(crc: number, byte: number): number {
  return (TABLES[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
}

export function crcOfFour(crc: number, one: number, two: number, three: number, four: number): number {
  return (
    (TABLES[768 + ((crc ^ one) & 0xff)] as number) ^
    (TABLES[512 + (((crc >>> 8) ^ two) & 0xff)] as number) ^
    (TABLES[256 + (((crc >>> 16) ^ three) & 0xff)] as number) ^
    (TABLES[(crc >>> 24) ^ four] as number)
  );
}

export function crcOfRange(crc: number, bytes: Uint8Array, from: number, to: number): number {
  let sum = crc;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    sum = crcOfFour(
      sum,
      bytes[at] as number,
      bytes[at + 1] as number,
      bytes[at + 2] as number,
      bytes[at + 3] as number,
    );
  }
  for (; at < to; at += 1) sum = crcOfByte(sum, bytes[at] as number);
  return sum;
}
