import type { Request } from 'express';
import { SyncError } from '../domain/errors.ts';
import { requireJson } from './parse.ts';

/** The body of records of a request: its bytes as they come, and how they are packed. */
export function incomingBody(
  request: Request,
  idleMs: number,
): { body: AsyncIterable<Uint8Array>; gzip: boolean } {
  requireJson(request);
  const encoding = (request.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw new SyncError(
      'UNSUPPORTED_ENCODING',
      'The body must be plain or gzip: use Content-Encoding: gzip, or leave it out.',
    );
  }
  return { body: withoutStall(request, idleMs), gzip: encoding === 'gzip' };
}

/** Gives the chunks of the body; breaks off when none comes for `idleMs`, or when the sender goes away. */
async function* withoutStall(request: Request, idleMs: number): AsyncGenerator<Uint8Array> {
  const chunks = (request as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  while (true) {
    const { value, done } = await nextChunk(chunks, idleMs);
    if (done) return;
    yield value;
  }
}

async function nextChunk(chunks: AsyncIterator<Buffer>, idleMs: number): Promise<IteratorResult<Buffer>> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const seconds = Math.round(idleMs / 1000);
      reject(
        new SyncError(
          'BODY_STALLED',
          `Nothing of the body came for ${seconds} s: send it again, without pauses.`,
        ),
      );
    }, idleMs);
  });
  try {
    return await Promise.race([chunks.next(), stalled]);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new SyncError('BODY_TRUNCATED', 'The connection broke before the body was whole: send it again.', {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
