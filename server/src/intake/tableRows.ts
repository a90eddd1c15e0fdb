import { packText } from '../domain/packedText.ts';
import { isReject, type Reject } from '../domain/reject.ts';
import { type RecordTable, readRecord } from '../jobTypes/jobType.ts';
import type { Settled } from './batchRows.ts';

/** What only balances have. */
const NO_BALANCES = { pointsTypes: [], minUserId: 0, maxUserId: 0, removals: '[]', removalCount: 0 };

/** The accepted records of a batch of a type with a table, each as the text of its row. */
export class TableRows {
  readonly #table: RecordTable;
  /** In the order in which the keys came first. */
  readonly #rows = new Map<string | number, string>();

  constructor(table: RecordTable) {
    this.#table = table;
  }

  /** Adds a record as it came, unless it is rejected. */
  add(record: unknown): Reject | undefined {
    const reading = readRecord(this.#table, record);
    if (isReject(reading)) return reading;
    const [key] = reading;
    if (this.#table.standing === 'last' || !this.#rows.has(key)) this.#rows.set(key, JSON.stringify(reading));
    return undefined;
  }

  /** Gives what was added since the last call. */
  settle(): Settled {
    const rows = packText(`[${[...this.#rows.values()].join(',')}]`);
    const rowCount = this.#rows.size;
    this.#rows.clear();
    return { rows, rowCount, ...NO_BALANCES };
  }

  /** Gives the memory back: nothing can be added any more. */
  free(): void {
    this.#rows.clear();
  }
}
