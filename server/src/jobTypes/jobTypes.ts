import { SyncError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import { stepMessage } from '../domain/stepMessage.ts';
import type { JobType, RecordTable } from './jobType.ts';
import { pointsBalances } from './pointsBalances.ts';
import { pointsEvents } from './pointsEvents.ts';
import { users } from './users.ts';

/** Every type of job there is. CONTRIBUTING.md says how to add one. */
export const JOB_TYPES: readonly JobType[] = [pointsBalances, pointsEvents, users];

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

/** What a job says of itself while its records are applied. */
export function applyingMessage(job: Pick<Job, 'type' | 'processed' | 'total'>): string {
  return stepMessage.applying(jobTypeNamed(job.type).records, job);
}

/** The table of a type that has one. */
export function tableNamed(name: string): RecordTable {
  const { table } = jobTypeNamed(name);
  if (table === null) throw new Error(`The records of ${name} are not the rows of one table.`);
  return table;
}
