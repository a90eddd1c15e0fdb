import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, wordpressSource } from './programs.ts';
import { runProgram } from './runProgram.ts';

/** Raised when what a prepared folder holds changes; an older folder is then made anew. */
const PREPARATION = 2;

/** What a prepared folder remembers from one start to the next. */
export type ShopMemory = {
  /** What prepared it: another version of this, MariaDB or WordPress can't go on with it. */
  madeBy: string;
  adminPassword: string;
  databasePassword: string;
  /** The sign-in of the backend's dashboard. */
  adminToken: string;
  /** Taken again where they are free, so that a bookmark stays good. */
  backendPort?: number;
  shopPort?: number;
};

/** The folder of one shop. It counts as prepared only once its memory is written, which is the last thing to happen. */
export class ShopFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get mariadb(): string {
    return join(this.path, 'mariadb');
  }

  get wordpress(): string {
    return join(this.path, 'wordpress');
  }

  get backend(): string {
    return join(this.path, 'backend');
  }

  /** The memory of a folder that can be used again; else undefined, and the folder is emptied. */
  async recall(): Promise<ShopMemory | undefined> {
    const memory = await this.#read();
    if (memory !== undefined && memory.madeBy === (await currentMaker())) return memory;
    await this.clear();
    return undefined;
  }

  async clear(): Promise<void> {
    // The memory goes first: what is half removed must not count as prepared.
    for (const path of [this.#memoryFile, this.mariadb, this.wordpress, this.backend]) {
      await rm(path, { recursive: true, force: true });
    }
    for (const path of [this.mariadb, this.wordpress, this.backend]) await mkdir(path, { recursive: true });
  }

  async remember(memory: ShopMemory): Promise<void> {
    await writeFile(this.#memoryFile, JSON.stringify(memory, null, 2), { mode: 0o600 });
  }

  get #memoryFile(): string {
    return join(this.path, 'shop.json');
  }

  async #read(): Promise<ShopMemory | undefined> {
    if (!existsSync(this.#memoryFile)) return undefined;
    try {
      return JSON.parse(await readFile(this.#memoryFile, 'utf8'));
    } catch {
      return undefined;
    }
  }
}

export async function newMemory(): Promise<ShopMemory> {
  return {
    madeBy: await currentMaker(),
    adminPassword: randomBytes(9).toString('hex'),
    databasePassword: randomBytes(18).toString('hex'),
    adminToken: randomBytes(12).toString('hex'),
  };
}

async function currentMaker(): Promise<string> {
  const mariadb = await runProgram(findProgram('mariadbd'), ['--no-defaults', '--version']);
  const wordpress = await readFile(join(wordpressSource(), 'wp-includes/version.php'), 'utf8');
  const version = /\$wp_version = '([^']+)'/.exec(wordpress)?.[1] ?? 'unknown';
  return `${PREPARATION}; ${mariadb.trim()}; WordPress ${version}`;
}
