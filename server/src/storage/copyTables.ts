import { JOB_TYPES } from '../jobTypes/jobTypes.ts';

/** What is copied from one database to another: all tables but those about the database itself, and tickets, which live for a minute. */

/** In this order, no row comes before the one that it refers to. */
export const COPIED_TABLES: readonly string[] = [
  'sites',
  'site_keys',
  'idempotency_keys',
  'jobs',
  'job_parts',
  'job_batches',
  'job_rejects',
  'job_audit',
  'job_samples',
  'points_balances',
  'removed_balances',
  ...JOB_TYPES.flatMap(({ table }) => table?.tableName ?? []),
];

/** A table as the target has it: so a column that a later migration adds can't be forgotten. */
export interface CopiedTable {
  name: string;
  columns: { name: string; type: string }[];
  /** The columns of its primary key, in their order. */
  key: string[];
}

/** The primary key of one row. */
export type RowKey = (string | number)[];

/** The balances of one site: how many there are, and the exact sum of their checksums, as digits. */
export interface SiteSum {
  siteId: number;
  count: number;
  sum: string;
}
