import { type ChildProcess as NodeChild, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const PROBE_EVERY_MS = 50;
const LOG_TAIL_LINES = 15;

export type ChildOptions = {
  /** What a person calls it, as it stands in sentences: "MariaDB". */
  name: string;
  command: string;
  args: string[];
  /** Everything the child prints is appended here. */
  logFile: string;
  env?: Record<string, string>;
  cwd?: string;
  /** How long it may take to end by itself after SIGTERM before it is killed. */
  stopSeconds?: number;
};

export type ReadyOptions = {
  /** Asked again and again until it says true; what it throws counts as "not yet". */
  isReady: () => Promise<boolean>;
  seconds: number;
};

/** A child ended, or never got ready. The message is for a person and carries the last lines of the child's log. */
export class ChildFailure extends Error {
  override name = 'ChildFailure';
}

/**
 * A program that runs until it is stopped. It leads a process group of its own, for two reasons: a Ctrl-C in the
 * terminal then reaches only the demo, which stops its children in order; and PHP's web server leaves its workers
 * behind unless the whole group is told to end.
 */
export class ChildProcess {
  readonly name: string;
  readonly logFile: string;
  /** Resolves, never rejects, with a sentence that says how the child ended. */
  readonly ended: Promise<string>;
  #child: NodeChild;
  #stopSeconds: number;
  #end: string | undefined;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#stopSeconds = options.stopSeconds ?? 15;
    const log = openSync(options.logFile, 'a');
    this.#child = spawn(options.command, options.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    closeSync(log);
    this.ended = this.#watchEnd(options.command);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#end === undefined;
  }

  async waitUntilReady({ isReady, seconds }: ReadyOptions): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (this.running) {
      if (await isReady().catch(() => false)) return;
      if (performance.now() > deadline) throw this.failure(`was not ready after ${seconds} seconds`);
      await Promise.race([pause(PROBE_EVERY_MS), this.ended]);
    }
    throw this.failure(this.#end ?? 'ended');
  }

  /** Ends the child and everything it started; returns when it has ended. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const ended = await Promise.race([this.ended, pause(this.#stopSeconds * 1000, null, { ref: false })]);
    if (ended === null) this.signal('SIGKILL');
    await this.ended;
  }

  /** Sends a signal to the child and everything it started; does nothing once the child has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#signalGroup(signal);
  }

  failure(what: string): ChildFailure {
    return new ChildFailure(`${this.name} ${what}.\n${logTail(this.logFile)}`);
  }

  #watchEnd(command: string): Promise<string> {
    return new Promise((resolve) => {
      const end = (sentence: string) => {
        this.#end ??= sentence;
        resolve(this.#end);
      };
      this.#child.once('error', (error) =>
        end(`could not be started (${basename(command)}: ${error.message})`),
      );
      this.#child.once('exit', (code, signal) => {
        // What the child started and did not wait for ends with it.
        this.#signalGroup('SIGKILL');
        end(signal ? `was ended by ${signal}` : `ended with exit code ${code}`);
      });
    });
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      // The group is gone: what was asked for is so.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function logTail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  return [
    'The last lines of its log:',
    ...lines.map((line) => `  ${line}`),
    `The whole log: ${logFile}`,
  ].join('\n');
}
