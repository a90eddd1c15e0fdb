import type { Batch } from '../domain/batch.ts';
import { ownBufferOf } from '../domain/ownBuffer.ts';
import { HandedOver, serveThread } from '../threads/threadServer.ts';
import { BodyReader } from './bodyReader.ts';
import type { UploadFormat, WholeBody } from './intake.ts';

/** The worker thread behind `Intake`: uploads by number. */
const uploads = new Map<number, BodyReader>();

function reader(upload: number): BodyReader {
  const found = uploads.get(upload);
  if (found === undefined) throw new Error(`There is no upload ${upload}.`);
  return found;
}

/** What the reader still wants of the chunk it has copied, so the chunk is freed: the collector would be late. */
async function write({
  upload,
  chunk,
}: {
  upload: number;
  chunk: Uint8Array<ArrayBuffer>;
}): Promise<HandedOver> {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const batches = await reader(upload).write(bytes);
  chunk.buffer.transfer(0);
  return new HandedOver(batches, buffersOf(batches));
}

async function end({ upload }: { upload: number }): Promise<HandedOver> {
  const whole: WholeBody = await reader(upload).end();
  return new HandedOver(whole, buffersOf(whole.batches));
}

function buffersOf(batches: Batch[]): ArrayBuffer[] {
  return batches.flatMap(({ rows }) => ownBufferOf(rows) ?? []);
}

serveThread({
  open: ({ upload, ...format }: UploadFormat & { upload: number }) => {
    uploads.set(upload, new BodyReader(format));
  },
  write,
  end,
  discard: ({ upload }: { upload: number }) => {
    uploads.get(upload)?.close();
    uploads.delete(upload);
  },
});
