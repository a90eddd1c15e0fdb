import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
/** Where compiled code is kept, as `npm start` keeps it: many servers start in the tests, and compiling is half of that. */
const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/artly-sync', import.meta.url));

/** The key of the site `default` on every `ServerProcess`. */
export const PROCESS_KEY = 'the-key-of-the-tests';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A server in a process of its own, by default the real command line. */
export class ServerProcess {
  readonly #child: ChildProcess;
  /** The address once it listens, or undefined where it ended before. */
  readonly listening: Promise<string | undefined>;
  readonly exited: Promise<Exit>;
  readonly #events = new EventEmitter();
  /** What it said of itself at its start. */
  started: Record<string, unknown> | undefined;
  /** What it wrote to standard error, and warnings and errors of its log. */
  readonly complaints: string[] = [];

  constructor(
    test: TestContext,
    { databaseFile, environment = {}, command = [CLI, 'serve'] }: ServerProcessOptions,
  ) {
    this.#child = spawn(process.execPath, command, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PORT: '0',
        HOST: '127.0.0.1',
        DATABASE_URL: `sqlite:${databaseFile}`,
        ARTLY_API_SECRET: PROCESS_KEY,
        ARTLY_LOG_LEVEL: 'info',
        NODE_COMPILE_CACHE: COMPILED,
        ...environment,
      },
    });
    test.after(() => this.#child.kill('SIGKILL'));
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.listening = this.#readLog();
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.complaints.push(text));
  }

  /** Starts one and resolves with its address too, when it listens. */
  static async start(
    test: TestContext,
    options: ServerProcessOptions,
  ): Promise<{ server: ServerProcess; url: string }> {
    const server = new ServerProcess(test, options);
    const url = await server.listening;
    assert.ok(url, `the server ended before it listened: ${server.complaints.join('')}`);
    return { server, url };
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Sends the signal and resolves when the process is gone. */
  async stop(signal: NodeJS.Signals): Promise<Exit> {
    this.#child.kill(signal);
    return this.exited;
  }

  /** Resolves when the server logs `event` from now on. */
  async logged(event: string): Promise<void> {
    await once(this.#events, event);
  }

  #readLog(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
      lines.on('line', (line) => {
        const entry = JSON.parse(line) as { level: number; event: string; url?: string };
        const { level, event, url } = entry;
        this.#events.emit(event);
        if (event === 'server.started') {
          this.started = entry;
          resolve(url);
        }
        if (level >= 50) this.complaints.push(line);
      });
      void this.exited.then(() => resolve(undefined));
    });
  }
}

interface ServerProcessOptions {
  databaseFile: string;
  environment?: NodeJS.ProcessEnv;
  /** Arguments of `node`. */
  command?: string[];
}
