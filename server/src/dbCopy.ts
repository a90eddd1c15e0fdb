import { copyDatabase } from './compose.ts';
import type { CopyAddresses } from './config.ts';
import { SyncError } from './domain/errors.ts';
import type { Comparison, CopyStep } from './storage/databaseCopy.ts';

/** Between two lines about the same table, where lines stay on the screen. */
const LINE_MS = 10_000;
const DIFFERS =
  'The two databases differ, so no server starts on the new one: empty it (DROP SCHEMA artly CASCADE) and copy again.';
const READY = 'Everything is the same. Set DATABASE_URL to the new database and start the server.';
const COMPLETE = 'This copy is complete already: there is nothing to do.';

/** `artly-sync db copy`: gives what to print on standard output, and tells of its way on standard error. */
export async function dbCopy(addresses: CopyAddresses): Promise<string> {
  const stopping = new AbortController();
  const message = 'Stopped. What was copied stays: the same command goes on from there.';
  const stop = () => stopping.abort(new SyncError('SHUTTING_DOWN', message));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  const progress = new CopyProgress(process.stderr);
  try {
    const onStep = (step: CopyStep) => progress.show(step);
    const comparisons = await copyDatabase(addresses, { signal: stopping.signal, onStep });
    if (comparisons === undefined) return COMPLETE;
    const table = tableOf(comparisons);
    if (!comparisons.every(({ same }) => same))
      throw new SyncError('STORAGE_HALF_COPIED', `${DIFFERS}\n\n${table}`);
    return `${table}\n\n${READY}`;
  } finally {
    progress.end();
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
  }
}

/** One line that changes, on a screen; elsewhere a line at the end of each table, and now and then. */
class CopyProgress {
  readonly #out: NodeJS.WriteStream;
  #shownAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(step: CopyStep): void {
    const now = performance.now();
    const due = step.rows === step.total || now - this.#shownAt >= LINE_MS;
    if (!this.#out.isTTY && !due) return;
    this.#shownAt = now;
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${lineOf(step)}` : `${lineOf(step)}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K');
  }
}

function lineOf({ what, table, rows, total }: CopyStep): string {
  const percent = total === 0 ? 100 : Math.floor((rows / total) * 100);
  return `${what} ${table}: ${rows} of ${total} rows, ${percent} %`;
}

function tableOf(comparisons: Comparison[]): string {
  const rows = comparisons.map(({ what, source, target, same }) => [
    what,
    source,
    target,
    same ? 'same' : 'DIFFERS',
  ]);
  const all = [['', 'SQLite', 'PostgreSQL', ''], ...rows];
  const widths = [0, 1, 2].map((at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd : cell.padStart).call(cell, widths[at] ?? 0)))
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
}
