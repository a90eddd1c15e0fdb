import * as applyNext from './postgresApplyNext.ts';
import * as cleanup from './postgresCleanup.ts';
import type { PostgresDatabase } from './postgresDatabase.ts';
import * as jobs from './postgresJobs.ts';
import * as operator from './postgresOperator.ts';
import * as parts from './postgresParts.ts';
import * as reads from './postgresReads.ts';
import * as siteRemoval from './postgresSiteRemoval.ts';
import * as sites from './postgresSites.ts';
import * as snapshots from './postgresSnapshots.ts';
import * as tickets from './postgresTickets.ts';
import * as uploads from './postgresUploads.ts';
import type { Storage } from './storage.ts';

/** The methods of the port as PostgreSQL has them: each takes the database first. */
type PostgresMethods = {
  [Name in keyof Storage]: (
    db: PostgresDatabase,
    argument: Parameters<Storage[Name]>[0],
  ) => ReturnType<Storage[Name]>;
};

/** All methods of the port. */
export const METHODS: PostgresMethods = {
  ...sites,
  ...siteRemoval,
  ...uploads,
  ...parts,
  ...jobs,
  ...applyNext,
  ...snapshots,
  ...reads,
  ...operator,
  ...cleanup,
  ...tickets,
};
