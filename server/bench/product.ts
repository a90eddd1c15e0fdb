import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const CLI = 'server/src/cli.ts';

/** The product as a user runs it: `artly-sync serve` in a process of its own, spoken to over HTTP. */
export class ProductServer {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly url: string;

  private constructor(
    child: ChildProcess,
    { folder, environment, url }: { folder: string; environment: NodeJS.ProcessEnv; url: string },
  ) {
    this.#child = child;
    this.#folder = folder;
    this.#environment = environment;
    this.url = url;
  }

  /** `settings` are variables beside those that every run has. */
  static async start(settings: NodeJS.ProcessEnv = {}): Promise<ProductServer> {
    const folder = mkdtempSync(join(tmpdir(), 'artly-bench-'));
    const environment = {
      ...process.env,
      PORT: '0',
      DATABASE_URL: `sqlite:${join(folder, 'a.db')}`,
      // As `npm start` has it.
      NODE_COMPILE_CACHE: 'node_modules/.cache/artly-sync',
      ...settings,
    };
    const child = spawn(
      process.execPath,
      ['--max-semi-space-size=1', '--initial-old-space-size=16', CLI, 'serve'],
      {
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    for await (const line of child.stdout as Readable) {
      const url = /"url":"([^"]+)"/.exec(String(line))?.[1];
      if (url === undefined) continue;
      (child.stdout as Readable).resume();
      return new ProductServer(child, { folder, environment, url });
    }
    throw new Error('The server did not start.');
  }

  /** Lets a site in, as its operator does. */
  async site(address: string): Promise<ProductSite> {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'sites', 'add', address, '--json'], {
      env: this.#environment,
    });
    return new ProductSite(this.url, (JSON.parse(stdout) as { key: string }).key);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await new Promise((resolve) => this.#child.once('exit', resolve));
    rmSync(this.#folder, { recursive: true });
  }

  /** Peak resident memory so far, in MB (10^6 bytes). */
  peakMemory(): number {
    return this.#memory('VmHWM');
  }

  /** Resident memory now, in MB. */
  memory(): number {
    return this.#memory('VmRSS');
  }

  #memory(what: 'VmHWM' | 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return (Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
  }
}

export type JobJson = Record<string, unknown> & {
  jobId: string;
  status: string;
  processed: number;
  version: number;
};

interface Sending {
  method: string;
  path: string;
  body?: Buffer | Readable;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  json: Record<string, unknown>;
  /** From the first byte sent to the last byte of the answer, in ms. */
  milliseconds: number;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** A site as it speaks to the server. */
export class ProductSite {
  readonly url: string;
  readonly key: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string, key: string) {
    this.url = url;
    this.key = key;
  }

  /** Sends a request; only one that was answered as `success` comes back. */
  async send(sending: Sending): Promise<Answer> {
    const answer = await this.sendAny(sending);
    if (answer.json.success === true) return answer;
    throw new Error(
      `${sending.method} ${sending.path} answered ${answer.status}: ${JSON.stringify(answer.json)}`,
    );
  }

  sendAny({ method, path, body, headers }: Sending): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const from = performance.now();
    const outgoing = request(
      `${this.url}${path}`,
      { method, agent: this.#agent, headers: { 'x-artly-secret': this.key, ...headers } },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          const status = answer.statusCode ?? 0;
          resolve({ status, json: JSON.parse(text), milliseconds: performance.now() - from });
        });
      },
    );
    outgoing.on('error', reject);
    if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body);
    else body.pipe(outgoing);
    return promise;
  }

  /** Sends a start and gives its `jobId`. */
  async start(body: Buffer | Readable, headers: Record<string, string> = JSON_TYPE): Promise<string> {
    return (await this.startTimed(body, headers)).jobId;
  }

  async startTimed(
    body: Buffer | Readable,
    headers: Record<string, string> = JSON_TYPE,
  ): Promise<{ jobId: string; milliseconds: number }> {
    const path = '/artly/sync/points-balances/start';
    const { json, milliseconds } = await this.send({ method: 'POST', path, body, headers });
    return { jobId: json.jobId as string, milliseconds };
  }

  /** Any other request, with the key. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { 'x-artly-secret': this.key, ...init.headers } });
  }

  post(path: string, body: object): Promise<Answer> {
    return this.send({ method: 'POST', path, body: Buffer.from(JSON.stringify(body)), headers: JSON_TYPE });
  }

  async status(jobId: string): Promise<{ job: JobJson; milliseconds: number }> {
    const path = `/artly/sync/points-balances/status?jobId=${jobId}`;
    const { json, milliseconds } = await this.send({ method: 'GET', path });
    return { job: json.job as JobJson, milliseconds };
  }

  /** Watches the job to its end as a page would, every `everyMs`; `seen` hears of every answer. */
  async watch(
    jobId: string,
    everyMs: number,
    seen: (answer: { job: JobJson; milliseconds: number }) => void = () => {},
  ): Promise<JobJson> {
    while (true) {
      const answer = await this.status(jobId);
      seen(answer);
      if (hasEnded(answer.job)) return answer.job;
      await pause(everyMs);
    }
  }
}

export function hasEnded({ status }: JobJson): boolean {
  return status !== 'pending' && status !== 'running';
}
