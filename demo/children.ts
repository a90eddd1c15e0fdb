import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type ChildOptions, ChildProcess } from './childProcess.ts';
import { endGroup, isSameProcess, type ProcessMark, processMark } from './processMark.ts';

/** The children of one run, so that they end together: in order, by their ids, also those of a run that crashed. */
export class Children {
  #started: ChildProcess[] = [];
  #aborting = new AbortController();
  #recordFile: string;

  /** The record names the children that run, for the next run to end those that a crash left behind. */
  constructor(recordFile: string) {
    this.#recordFile = recordFile;
    // A last resort for a program that ends without stopping its children.
    process.once('exit', () => {
      for (const child of this.#started) child.signal('SIGTERM');
    });
  }

  /** Aborted as soon as the children are being stopped. */
  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  start(options: ChildOptions): ChildProcess {
    this.signal.throwIfAborted();
    const child = new ChildProcess(options);
    this.#started.push(child);
    this.#record();
    return child;
  }

  /** Resolves with the first child that ends by itself; never while they are being stopped. */
  firstEnded(): Promise<ChildProcess> {
    return Promise.race(this.#started.map((child) => child.ended.then(() => child)));
  }

  /** Ends one child, which is then no longer one of these. */
  async stopOne(child: ChildProcess): Promise<void> {
    await child.stop();
    this.#started = this.#started.filter((other) => other !== child);
    this.#record();
  }

  /** Ends all, the last started first, and returns when they have ended. */
  async stop(): Promise<void> {
    this.#aborting.abort(new Error('The demo is stopping.'));
    for (const child of [...this.#started].reverse()) await child.stop();
    this.#started = [];
    rmSync(this.#recordFile, { force: true });
  }

  /** Ends what a crashed run left running. Returns how many processes that were. */
  async stopLeftovers(): Promise<number> {
    const left = readRecord(this.#recordFile).filter(isSameProcess);
    for (const mark of left.reverse()) await endGroup(mark);
    rmSync(this.#recordFile, { force: true });
    return left.length;
  }

  #record(): void {
    const marks = this.#started.map((child) => processMark(child.pid)).filter((mark) => mark !== undefined);
    writeFileSync(this.#recordFile, JSON.stringify(marks));
  }
}

function readRecord(recordFile: string): ProcessMark[] {
  if (!existsSync(recordFile)) return [];
  try {
    return JSON.parse(readFileSync(recordFile, 'utf8'));
  } catch {
    // A crash may have cut the record short; then there is nothing in it to trust.
    return [];
  }
}
