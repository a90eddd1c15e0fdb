import { SyncError } from '../domain/errors.ts';
import type { JobType } from './jobType.ts';
import { pointsBalances } from './pointsBalances.ts';

/** Every type of job there is. CONTRIBUTING.md says how to add one. */
export const JOB_TYPES: readonly JobType[] = [pointsBalances];

const byName = new Map(
  JOB_TYPES.flatMap((type) => [type.name, ...type.olderNames].map((name) => [name, type] as const)),
);

/** The type of this name, or of this older name. */
export function jobTypeNamed(name: string): JobType {
  const type = byName.get(name);
  if (type !== undefined) return type;
  const known = JOB_TYPES.map((one) => one.name).join(', ');
  throw new SyncError('TYPE_NOT_FOUND', `There is no such type of job: use one of ${known}.`);
}
