import type { Request } from 'express';
import { SyncError } from '../domain/errors.ts';
import type { IncomingJob } from '../services/intakeService.ts';
import { BodyChunks, seconds, stalled } from './bodyChunks.ts';

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

/** The same where a request may also come without a body. */
export async function readOptionalObject(
  request: Request,
  idleMs: number,
  maxBytes?: number,
): Promise<Record<string, unknown>> {
  const hasBody = request.get('transfer-encoding') !== undefined || Number(request.get('content-length')) > 0;
  return hasBody ? readSmallObject(request, idleMs, maxBytes) : {};
}

export function requireJson(request: Request, orElse = ''): void {
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
  const chunks = new BodyChunks(request);
  const slowMs = SLOW_IDLE_TIMES * idleMs;
  let bytes = 0;
  // Only the time that the sender takes counts, not the time that we take.
  let waitedMs = 0;
  try {
    while (true) {
      const from = performance.now();
      const chunk = await chunks.next(idleMs);
      if (chunk === undefined) return;
      bytes += chunk.length;
      waitedMs += performance.now() - from;
      if (bytes >= PROGRESS_BYTES) [bytes, waitedMs] = [0, 0];
      else if (waitedMs > slowMs) throw stalled(`Less than 1 KiB of the body came in ${seconds(slowMs)}`);
      yield chunk;
    }
  } finally {
    chunks.stop();
  }
}
