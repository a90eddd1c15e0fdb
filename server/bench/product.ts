import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** The product as a user runs it: `artly-sync serve` in a process of its own, spoken to over HTTP. */
export class ProductServer {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly url: string;
  static readonly #KEY = 'a key for the bench only';

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
  }

  static async start(): Promise<ProductServer> {
    const folder = mkdtempSync(join(tmpdir(), 'artly-bench-'));
    const child = spawn(process.execPath, ['server/src/cli.ts', 'serve'], {
      env: {
        ...process.env,
        PORT: '0',
        DATABASE_URL: `sqlite:${join(folder, 'a.db')}`,
        ARTLY_API_SECRET: ProductServer.#KEY,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of child.stdout as Readable) {
      const url = /"url":"([^"]+)"/.exec(String(line))?.[1];
      if (url === undefined) continue;
      (child.stdout as Readable).resume();
      return new ProductServer(child, folder, url);
    }
    throw new Error('The server did not start.');
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await new Promise((resolve) => this.#child.once('exit', resolve));
    rmSync(this.#folder, { recursive: true });
  }

  /** Peak resident memory so far, in MB (10^6 bytes). */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6;
  }

  /** Any other request, with the key. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { ...this.#headers, ...init.headers } });
  }

  /** Sends a start and gives its `jobId`. */
  start(body: Buffer): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const headers = { ...this.#headers, 'content-type': 'application/json', 'content-length': body.length };
    const outgoing = request(
      `${this.url}/artly/sync/points-balances/start`,
      { method: 'POST', headers },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          if (answer.statusCode === 202) resolve((JSON.parse(text) as { jobId: string }).jobId);
          else reject(new Error(`start answered ${answer.statusCode}: ${text}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
    return promise;
  }

  /** Watches the job to its end as a page would, every `everyMs`; gives the time each answer took, in ms. */
  async watch(jobId: string, everyMs: number): Promise<{ job: Record<string, unknown>; waits: number[] }> {
    const waits: number[] = [];
    while (true) {
      const from = performance.now();
      const answer = await fetch(`${this.url}/artly/sync/points-balances/status?jobId=${jobId}`, {
        headers: this.#headers,
      });
      const { job } = (await answer.json()) as { job: Record<string, unknown> };
      waits.push(performance.now() - from);
      if (job.status !== 'pending' && job.status !== 'running') return { job, waits };
      await pause(everyMs);
    }
  }

  get #headers() {
    return { 'x-artly-secret': ProductServer.#KEY };
  }
}
