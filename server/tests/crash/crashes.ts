import type { Notices } from '../../src/notices/notices.ts';
import type { Queue } from '../../src/queue/queue.ts';
import type { Storage } from '../../src/storage/storage.ts';

/** All that has effects; the one process on SQLite has no notices. */
export interface Ports {
  storage: Storage;
  queue: Queue;
  notices?: Notices;
}

/** Where a server kills itself. */
export interface Crash {
  port: keyof Ports;
  method: string;
  /** The call at which it happens, counted from 1. */
  call: number;
  when: 'before' | 'after';
}

/** A job of this many records fails for good in the crashing server. */
export const FAILS = 66;
/** The first attempt of a job of this many records fails with what may pass. */
export const PASSES_LATER = 77;

/** The names of all methods of a port, taken from the port itself. */
export function portMethods(port: object): string[] {
  const names = new Set<string>();
  for (let at: object = port; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  names.delete('constructor');
  return [...names].filter((name) => typeof (port as Record<string, unknown>)[name] === 'function').sort();
}
