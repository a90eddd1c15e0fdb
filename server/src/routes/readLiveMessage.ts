import { z } from 'zod';
import { SyncError } from '../domain/errors.ts';

const JobId = z.string().min(1).max(100);
const Version = z.int().min(0);
const LiveMessage = z.union([
  z.object({ watch: JobId, version: Version.default(0) }),
  z.object({ unwatch: JobId }),
]);

export interface LiveWish {
  wish: 'watch' | 'unwatch';
  jobId: string;
  /** What the client has of the job already. */
  afterVersion: number;
}

/** A message of a client on a WebSocket; `undefined` is one that was no text. */
export function readLiveMessage(text: string | undefined): LiveWish {
  const reading = LiveMessage.safeParse(parsed(text));
  if (!reading.success) {
    throw new SyncError(
      'INVALID_MESSAGE',
      'Send JSON like { "watch": "<jobId>" }, { "watch": "<jobId>", "version": 7 } or { "unwatch": "<jobId>" }.',
    );
  }
  const message = reading.data;
  return 'watch' in message
    ? { wish: 'watch', jobId: message.watch, afterVersion: message.version }
    : { wish: 'unwatch', jobId: message.unwatch, afterVersion: 0 };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    // What is no JSON has no shape either, and is refused for that.
    return undefined;
  }
}
