import { SyncError } from '../domain/errors.ts';
import type { CopiedTable } from './copyTables.ts';
import type { Page, PostgresCopyTarget } from './postgresCopyTarget.ts';
import { asSyncError as asErrorOfPostgres } from './postgresErrors.ts';
import type { SqliteCopySource } from './sqliteCopySource.ts';
import { asSyncError as asErrorOfSqlite } from './sqliteErrors.ts';

/** A page ends with whichever comes first; a batch is large, a balance small. */
const ROWS_A_PAGE = 5_000;
const TEXT_A_PAGE = 4 * 2 ** 20;

export interface CopyStep {
  what: 'copy' | 'compare';
  table: string;
  /** Rows done, of how many. */
  rows: number;
  total: number;
}

/** Something that was counted on both sides. */
export interface Comparison {
  what: string;
  source: string;
  target: string;
  same: boolean;
}

interface Copy {
  source: SqliteCopySource;
  target: PostgresCopyTarget;
  /** Ends the copy between two pages, with its reason. */
  signal: AbortSignal;
  onStep: (step: CopyStep) => void;
}

/**
 * Copies all that is kept, page by page, each in a transaction of its own: a copy that was cut off goes on behind its
 * last page. Then compares everything; only where all is the same, servers may start. `undefined` when an earlier copy
 * of the same was complete.
 */
export function copyAll(copy: Copy): Promise<Comparison[] | undefined> {
  const { source, target } = copy;
  return target.alone(async () => {
    const tables = await target.tables();
    const { complete } = await target.begin({ sourceHash: source.hash(tables), now: Date.now() });
    if (complete) return undefined;
    for (const table of tables) await copyTable(copy, table);
    const comparisons = [];
    for (const table of tables) comparisons.push(await compareTable(copy, table));
    comparisons.push(...(await compareSums(copy)));
    if (comparisons.every(({ same }) => same))
      await target.complete({ highestJobSeq: source.highestJobSeq(), now: Date.now() });
    return comparisons;
  });
}

async function copyTable({ source, target, signal, onStep }: Copy, table: CopiedTable): Promise<void> {
  const total = source.count(table);
  const after = await target.lastKey(table);
  let rows = after === undefined ? 0 : await target.count(table);
  const report = () => onStep({ what: 'copy', table: table.name, rows, total });
  report();
  for (const page of pagesOf(source.rows(table, after))) {
    signal.throwIfAborted();
    await target.insert(table, page);
    rows += page.rows;
    report();
  }
  await target.analyze(table);
}

/** Each row of the source is looked up in the target and compared as a whole; more rows than those, the count tells. */
async function compareTable(
  { source, target, signal, onStep }: Copy,
  table: CopiedTable,
): Promise<Comparison> {
  const total = source.count(table);
  let [rows, same] = [0, 0];
  for (const page of pagesOf(source.rows(table))) {
    signal.throwIfAborted();
    same += await target.countSame(table, page);
    rows += page.rows;
    onStep({ what: 'compare', table: table.name, rows, total });
  }
  const found = await target.count(table);
  const differing = same === total ? '' : ` (${total - same} not the same)`;
  return {
    what: table.name,
    source: String(total),
    target: `${found}${differing}`,
    same: found === total && same === total,
  };
}

/** Beside the rows: what a shop compares too, added up by each database for itself. */
async function compareSums({ source, target }: Copy): Promise<Comparison[]> {
  const [here, there] = [bySite(source.sumsOfSites()), bySite(await target.sumsOfSites())];
  return [...new Set([...here.keys(), ...there.keys()])].map((siteId) => {
    const [one, other] = [here.get(siteId) ?? 'none', there.get(siteId) ?? 'none'];
    return { what: `checksums of site ${siteId}`, source: one, target: other, same: one === other };
  });
}

function bySite(sums: ReturnType<SqliteCopySource['sumsOfSites']>): Map<number, string> {
  return new Map(sums.map(({ siteId, count, sum }) => [siteId, `${sum} of ${count}`]));
}

function* pagesOf(rows: Iterable<string>): Iterable<Page> {
  let page: string[] = [];
  let length = 0;
  for (const row of rows) {
    page.push(row);
    length += row.length;
    if (page.length < ROWS_A_PAGE && length < TEXT_A_PAGE) continue;
    yield { json: `[${page.join(',')}]`, rows: page.length };
    [page, length] = [[], 0];
  }
  if (page.length > 0) yield { json: `[${page.join(',')}]`, rows: page.length };
}

/** Says what went wrong on one side of a copy, in the words of who asked for it. */
export function asCopyError(error: unknown): unknown {
  const [ofSqlite, ofPostgres] = [asErrorOfSqlite(error), asErrorOfPostgres(error)];
  const known = ofSqlite instanceof SyncError ? ofSqlite : ofPostgres;
  if (!(known instanceof SyncError)) return error;
  const argument = ofSqlite instanceof SyncError ? '--from' : '--to';
  return new SyncError(known.code, known.message.replaceAll('DATABASE_URL', argument), { cause: error });
}
