import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const PIECE = Buffer.alloc(64 * 1024);

/** A disk in memory that a test can fill up, or make read-only. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `undefined`, with the test skipped, where this user may not mount one. */
  static async mount(
    test: TestContext,
    { megabytes }: { megabytes: number },
  ): Promise<SmallDisk | undefined> {
    const folder = mkdtempSync(join(tmpdir(), 'artly-disk-'));
    try {
      run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder);
    } catch (error) {
      rmdirSync(folder);
      test.skip(`needs the right to mount a small disk: ${String(error).split('\n')[0]}`);
      return undefined;
    }
    test.after(() => {
      // Lazily: after a failure, a server may still have it.
      run('umount', '--lazy', folder);
      rmdirSync(folder);
    });
    return new SmallDisk(folder);
  }

  /** Takes all the room that is left but `spare` bytes. */
  fill({ spare = 0 }: { spare?: number } = {}): void {
    const file = openSync(this.#ballast, 'a');
    try {
      // Until the disk refuses more.
      while (writeSync(file, PIECE) > 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
    if (spare > 0) run('truncate', '--size', `-${spare}`, this.#ballast);
  }

  /** Gives the room back. */
  empty(): void {
    rmSync(this.#ballast);
  }

  makeReadOnly(): void {
    run('mount', '-o', 'remount,ro', this.folder);
  }

  makeWritable(): void {
    run('mount', '-o', 'remount,rw', this.folder);
  }

  get #ballast(): string {
    return join(this.folder, 'ballast');
  }
}

function run(command: string, ...given: string[]): void {
  execFileSync(command, given, { stdio: ['ignore', 'ignore', 'pipe'] });
}
