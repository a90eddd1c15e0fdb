import * as cleanup from './sqliteCleanup.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import * as jobs from './sqliteJobs.ts';
import * as operator from './sqliteOperator.ts';
import * as parts from './sqliteParts.ts';
import * as reads from './sqliteReads.ts';
import * as siteRemoval from './sqliteSiteRemoval.ts';
import * as sites from './sqliteSites.ts';
import * as snapshots from './sqliteSnapshots.ts';
import * as tickets from './sqliteTickets.ts';
import * as uploads from './sqliteUploads.ts';
import type { Storage } from './storage.ts';

/** A method of the port as SQLite has it: synchronous, on a connection. */
type SqliteMethod<Name extends keyof Storage> = (
  db: SqliteDatabase,
  argument: Parameters<Storage[Name]>[0],
) => Awaited<ReturnType<Storage[Name]>>;

type SqliteMethods = { [Name in keyof Storage]: SqliteMethod<Name> };

/** All methods of the port. */
export const METHODS: SqliteMethods = {
  ...sites,
  ...siteRemoval,
  ...uploads,
  ...parts,
  ...jobs,
  ...snapshots,
  ...reads,
  ...operator,
  ...cleanup,
  ...tickets,
};

/** Methods that only look: they run on a connection of their own and never wait for a write. */
export const READS: ReadonlySet<string> = new Set<keyof Storage>([
  ...(Object.keys(reads) as (keyof typeof reads)[]),
  ...(Object.keys(operator) as (keyof typeof operator)[]),
  'findKey',
  'findRepeated',
  'listParts',
  'listSites',
  'countMissing',
]);
