import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `artly-sync` as a person would, with this environment and nothing of ours, until it ends. */
export async function runCli(args: string[], environment: NodeJS.ProcessEnv): Promise<Finished> {
  const child = startCli(args, environment);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

/** Runs `artly-sync serve` until the test ends; resolves with its address when it listens. */
export async function serve(
  test: TestContext,
  environment: NodeJS.ProcessEnv,
): Promise<{ url: string; stop: () => Promise<number | null> }> {
  const child = startCli(['serve'], { PORT: '0', ...environment });
  const closed = once(child, 'close') as Promise<[number | null]>;
  test.after(() => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const { event, url } = JSON.parse(line) as { event: string; url: string };
    if (event !== 'server.started') continue;
    child.stdout?.resume();
    const stop = async () => {
      child.kill('SIGTERM');
      return (await closed)[0];
    };
    return { url, stop };
  }
  throw new Error('The server ended before it listened.');
}

/** The process itself, for who ends it or looks at it on its way. */
export function startCli(args: string[], environment: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
}
