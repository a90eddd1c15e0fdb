import type { Connection } from './postgresDatabase.ts';

/**
 * What is locked by a number of its own (an advisory lock) until the end of the transaction. The spaces are numbers
 * that nobody else is likely to use.
 */
export const LOCK_SPACES = {
  migration: 0x41727401,
  /** By site: jobs get their place in the order one after the other, and are seen in that order. */
  creation: 0x41727402,
  /** By site: two jobs of one line can't be started at once. */
  line: 0x41727403,
  /** One copy into the database at a time. */
  copy: 0x41727404,
} as const;

export async function lockUntilCommit(
  tx: Connection,
  { space, key }: { space: number; key: number },
): Promise<void> {
  await tx.run('SELECT pg_advisory_xact_lock(:space::integer, :key::integer)', { space, key });
}
