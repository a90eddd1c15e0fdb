import type { Reject } from '../domain/reject.ts';
import { type Field, Problem, readWhole } from './fields.ts';

/** A type of job: what its records are, and how they are applied. */
export interface JobType {
  /** As it stands in addresses and in a job. */
  name: string;
  /** Names that older clients use: they mean the same. */
  olderNames: readonly string[];
  /** What its records are, in a sentence and in an answer: `balances`. */
  records: string;
  /** Every code by which a record may be rejected. */
  rejectCodes: readonly string[];
  /** Fields whose numbers are kept digit by digit. */
  exactFields: readonly string[];
  /** How records become rows of a table; null of `points-balances`, which has ways of its own. */
  table: RecordTable | null;
}

/** A record as a row of a batch: the values of its fields in their order, the first of which is its key. */
export type RecordRow = [key: string | number, ...rest: (string | number | null)[]];

/**
 * How the records of a type become rows of one table. Statements are whole, one a dialect; on PostgreSQL, tables stand
 * in the schema `artly`. They take `:siteId`, and `:place`, which is that of the job in the job order: what a row keeps as `job_seq`.
 */
export interface RecordTable {
  /** Its name, the same on both databases. Of a site, the first field tells its rows apart. */
  tableName: string;
  /** The first one is the key. */
  fields: Readonly<Record<string, Field>>;
  /**
   * Which record of a key stands where a batch has several; the others count as unchanged. `first` is left to `write`,
   * which sees all of them in their order; of `last`, it is given that one alone.
   */
  standing: 'first' | 'last';
  sqlite: TableStatements & {
    /** Counts as `standing` which of `:rows` stand already; null where a row is never changed, so that all written are new. */
    countStanding: string | null;
  };
  postgres: TableStatements;
  /** A row that `list` gives, as the API shows it. */
  asJson(row: Record<string, unknown>): Record<string, unknown>;
}

interface TableStatements {
  /**
   * Writes the rows of a batch, `:rows`, JSON text `[[key, …], …]`: inserts what is new and changes what differs,
   * but nothing that a later job has brought. On PostgreSQL it gives the numbers `inserted` and `updated`.
   */
  write: string;
  /** Lets rows that stand already be those of this job, so that no earlier job changes them; null where none could. */
  mark: string | null;
  /**
   * A page for the API: `:limit` rows of the site behind `:after`, by their `position`, a whole number above 0. Where
   * it takes `:wpUserId`, it is read member by member.
   */
  list: string;
}

/** The list is that of one member, who must be named. */
export function isListedByMember({ sqlite }: RecordTable): boolean {
  return sqlite.list.includes(':wpUserId');
}

/** A type whose records are the rows of a table. */
export function tableType({
  name,
  olderNames,
  records,
  ...table
}: Pick<JobType, 'name' | 'olderNames' | 'records'> & RecordTable): JobType {
  const fields = Object.entries(table.fields);
  return {
    name,
    olderNames,
    records,
    rejectCodes: ['RECORD_NOT_AN_OBJECT', ...fields.flatMap(codesOf), 'DELETED_INVALID'],
    exactFields: fields.filter(([, { exact }]) => exact).map(([field]) => field),
    table,
  };
}

function codesOf([name, { problems, optional }]: [string, Field]): string[] {
  return [...(optional ? [] : ['MISSING']), ...problems].map((end) => codeOf(name, end));
}

/** Reads one record as it came out of the JSON body. */
export function readRecord({ fields }: RecordTable, record: unknown): RecordRow | Reject {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    const names = Object.keys(fields).filter((name) => !fields[name]?.optional);
    const message = `A record must be an object with ${names.join(', ')}.`;
    return { wpUserId: null, code: 'RECORD_NOT_AN_OBJECT', message };
  }
  const values = record as Record<string, unknown>;
  if (values.deleted) {
    const message = 'deleted is for points-balances: a record of this type is never removed.';
    return reject(values, 'DELETED_INVALID', message);
  }
  const row = [];
  for (const name in fields) {
    const field = fields[name] as Field;
    const value = values[name];
    if (value === undefined || value === null || value === '') {
      if (!field.optional) return reject(values, codeOf(name, 'MISSING'), `${name} is missing.`);
      row.push(null);
      continue;
    }
    const reading = field.read(value);
    if (reading instanceof Problem) {
      return reject(values, codeOf(name, reading.code), `${name} ${reading.rule}.`);
    }
    row.push(reading);
  }
  return row as RecordRow;
}

function reject({ wp_user_id }: Record<string, unknown>, code: string, message: string): Reject {
  return { wpUserId: readWhole(wp_user_id) ?? null, code, message };
}

function codeOf(field: string, end: string): string {
  return `${field.toUpperCase()}_${end}`;
}
