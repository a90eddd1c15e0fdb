import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';

export type ProgramOptions = {
  env?: Record<string, string>;
  cwd?: string;
  /** Given to the program as its standard input. */
  input?: string;
  signal?: AbortSignal;
};

/** Runs a program to its end and gives what it printed. When it fails, the error carries what it complained of. */
export function runProgram(command: string, args: string[], options: ProgramOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const child = spawn(command, args, {
      stdio: 'pipe',
      // A group of its own: a script's programs then end with it, and a Ctrl-C in the terminal is the demo's to handle.
      detached: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const endGroup = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
    options.signal?.addEventListener('abort', endGroup);
    const output = collect(child.stdout);
    const complaint = collect(child.stderr);
    child.once('error', (error) =>
      reject(new Error(`${basename(command)} could not be run: ${error.message}`)),
    );
    child.once('exit', () => options.signal?.removeEventListener('abort', endGroup));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(output());
      const said = (complaint().trim() || output().trim()).split('\n').slice(-15).join('\n');
      reject(new Error(`${basename(command)} failed (${signal ?? `exit code ${code}`}):\n${said}`));
    });
    // A program that ends without reading its input is judged by its exit code alone.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text;
}
