import { serveThread } from '../threads/threadServer.ts';
import { BodyReader } from './bodyReader.ts';
import type { UploadFormat } from './intake.ts';

/** The worker thread behind `Intake`: uploads by number. */
const uploads = new Map<number, BodyReader>();

function reader(upload: number): BodyReader {
  const found = uploads.get(upload);
  if (found === undefined) throw new Error(`There is no upload ${upload}.`);
  return found;
}

serveThread({
  open: ({ upload, ...format }: UploadFormat & { upload: number }) => {
    uploads.set(upload, new BodyReader(format));
  },
  write: ({ upload, chunk }: { upload: number; chunk: Uint8Array }) =>
    reader(upload).write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
  end: ({ upload }: { upload: number }) => reader(upload).end(),
  discard: ({ upload }: { upload: number }) => {
    uploads.get(upload)?.close();
    uploads.delete(upload);
  },
});
