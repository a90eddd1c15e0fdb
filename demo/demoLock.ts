import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isSameProcess, type ProcessMark, processMark } from './processMark.ts';

/** Keeps a second demo out of a folder. A lock that a crash left behind does not hold. */
export class DemoLock {
  #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Gives the id of the process that holds the lock, or undefined when it is now ours. */
  take(): number | undefined {
    const mine = JSON.stringify(processMark(process.pid));
    for (;;) {
      try {
        writeFileSync(this.#file, mine, { flag: 'wx' });
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = this.#holder();
      if (holder !== undefined && isSameProcess(holder)) return holder.pid;
      rmSync(this.#file, { force: true });
    }
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }

  #holder(): ProcessMark | undefined {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8'));
    } catch {
      // Gone in the meantime, or cut short by a crash.
      return undefined;
    }
  }
}
