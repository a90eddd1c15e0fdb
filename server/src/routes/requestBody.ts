import type { Request } from 'express';
import { SyncError } from '../domain/errors.ts';

const SMALL_BODY_BYTES = 64 * 1024;

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
  return { body: chunksOf(request, idleMs), gzip: encoding === 'gzip' };
}

/** A small JSON object, read whole. */
export async function readSmallObject(request: Request, idleMs: number): Promise<Record<string, unknown>> {
  requireJson(request);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of chunksOf(request, idleMs)) {
    bytes += piece.length;
    if (bytes > SMALL_BODY_BYTES) {
      throw new SyncError('BODY_TOO_LARGE', 'The body is larger than 64 KiB: send the fields alone.');
    }
    pieces.push(piece);
  }
  const value = parseJson(Buffer.concat(pieces).toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyncError('NOT_AN_OBJECT', 'The body must be a JSON object, like { "jobId": "…" }.');
  }
  return value as Record<string, unknown>;
}

function requireJson(request: Request): void {
  const [type = ''] = (request.get('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() === 'application/json') return;
  throw new SyncError(
    'UNSUPPORTED_MEDIA_TYPE',
    'The body must be JSON: send it with Content-Type: application/json.',
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyncError('INVALID_JSON', 'The body is not valid JSON: make it by a JSON library.', { cause });
  }
}

/**
 * Gives the chunks of a body; breaks off when none comes for `idleMs`, or when the sender goes away. Whoever
 * stops reading may still answer: the request is not destroyed with the loop.
 */
async function* chunksOf(request: Request, idleMs: number): AsyncGenerator<Uint8Array> {
  const chunks = request.iterator({ destroyOnReturn: false });
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
