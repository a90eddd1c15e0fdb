import { on } from 'node:events';
import type { Request } from 'express';
import { SyncError } from '../domain/errors.ts';
import type { IncomingJob } from '../services/intakeService.ts';

const NDJSON = 'application/x-ndjson';
const SMALL_BODY_BYTES = 64 * 1024;
/** A sender that gets less than this through in so many times of a stall is too slow: it holds a connection for nothing. */
const PROGRESS_BYTES = 1024;
const SLOW_IDLE_TIMES = 4;

/** The body of records of a request: its bytes as they come, and how they are packed. */
export function incomingBody(request: Request, idleMs: number): Pick<IncomingJob, 'body' | 'format'> {
  const ndjson = mediaTypeOf(request) === NDJSON;
  if (!ndjson) requireJson(request, ` or ${NDJSON}`);
  const encoding = (request.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw new SyncError(
      'UNSUPPORTED_ENCODING',
      'The body must be plain or gzip: use Content-Encoding: gzip, or leave it out.',
    );
  }
  return { body: chunksOf(request, idleMs), format: { ndjson, gzip: encoding === 'gzip' } };
}

/** A small JSON object, read whole. */
export async function readSmallObject(
  request: Request,
  idleMs: number,
  maxBytes = SMALL_BODY_BYTES,
): Promise<Record<string, unknown>> {
  requireJson(request);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of chunksOf(request, idleMs)) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      const limit = `${maxBytes / 1024} KiB`;
      throw new SyncError('BODY_TOO_LARGE', `The body is larger than ${limit}: send the fields alone.`);
    }
    pieces.push(piece);
  }
  const value = parseJson(Buffer.concat(pieces).toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SyncError('NOT_AN_OBJECT', 'The body must be a JSON object, like { "jobId": "…" }.');
  }
  return value as Record<string, unknown>;
}

function requireJson(request: Request, orElse = ''): void {
  if (mediaTypeOf(request) === 'application/json') return;
  throw new SyncError(
    'UNSUPPORTED_MEDIA_TYPE',
    `The body must be JSON: send it with Content-Type: application/json${orElse}.`,
  );
}

function mediaTypeOf(request: Request): string {
  const [type = ''] = (request.get('content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyncError('INVALID_JSON', 'The body is not valid JSON: make it by a JSON library.', { cause });
  }
}

/**
 * Gives the chunks of a body; breaks off when none comes for `idleMs`, when they come too slowly, or when the
 * sender goes away. Whoever stops reading may still answer: the request is not destroyed with the loop.
 */
async function* chunksOf(request: Request, idleMs: number): AsyncGenerator<Uint8Array> {
  // By events: to be read, chunks that wait would be joined in new memory, and the old one left to the collector.
  const chunks = on(request, 'data', { close: ['end', 'close'], highWaterMark: 1, lowWaterMark: 1 });
  const slowMs = SLOW_IDLE_TIMES * idleMs;
  let bytes = 0;
  // Only the time that the sender takes counts, not the time that we take.
  let waitedMs = 0;
  try {
    while (true) {
      const from = performance.now();
      const next = await nextChunk(chunks, idleMs);
      if (next.done) break;
      const [value] = next.value as [Buffer];
      bytes += value.length;
      waitedMs += performance.now() - from;
      if (bytes >= PROGRESS_BYTES) [bytes, waitedMs] = [0, 0];
      else if (waitedMs > slowMs) throw stalled(`Less than 1 KiB of the body came in ${seconds(slowMs)}`);
      yield value;
    }
    if (!request.complete) throw broken();
  } finally {
    // What still comes is not kept.
    await chunks.return?.();
  }
}

async function nextChunk<Chunk>(
  chunks: AsyncIterator<Chunk>,
  idleMs: number,
): Promise<IteratorResult<Chunk>> {
  const { promise: timeUp, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(stalled(`Nothing of the body came for ${seconds(idleMs)}`)), idleMs);
  try {
    return await Promise.race([chunks.next(), timeUp]);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw broken(cause);
  } finally {
    clearTimeout(timer);
  }
}

function broken(cause?: unknown): SyncError {
  const message = 'The connection broke before the body was whole: send it again.';
  return new SyncError('BODY_TRUNCATED', message, { cause });
}

function stalled(what: string): SyncError {
  return new SyncError('BODY_STALLED', `${what}: send it again, without pauses.`);
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}
