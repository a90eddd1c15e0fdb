import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type ClientOptions, WebSocket } from 'ws';
import type { JobJson, TestSite } from '../support/testServer.ts';

const PATIENCE_MS = 30_000;

interface EventsOptions {
  headers?: Record<string, string>;
  /** Of the address, with its question mark. */
  query?: string;
  /** Whether the key is sent. */
  key?: boolean;
}

/** What came on a stream of server-sent events. */
export interface LiveEvent {
  id: number;
  job: JobJson;
}

/** A client of server-sent events, read as an EventSource does. */
export class EventClient {
  readonly status: number;
  readonly headers: Headers;
  /** The hint after how long to come again, once it came. */
  retryMs: number | undefined;
  /** Comments that came. */
  comments = 0;
  readonly #response: Response;
  readonly #controller: AbortController;

  private constructor(response: Response, controller: AbortController) {
    this.#response = response;
    this.#controller = controller;
    this.status = response.status;
    this.headers = response.headers;
  }

  static async open(
    site: TestSite,
    jobId: string,
    { headers = {}, query = '', key = true }: EventsOptions = {},
  ): Promise<EventClient> {
    const controller = new AbortController();
    const path = `/artly/sync/jobs/${jobId}/events${query}`;
    const init = { headers, signal: controller.signal };
    const response = await (key ? site.fetch(path, init) : fetch(`${site.url}${path}`, init));
    return new EventClient(response, controller);
  }

  /** Goes away in the middle. */
  cut(): void {
    this.#controller.abort();
  }

  /** All events until the server ends the stream. */
  async all(): Promise<LiveEvent[]> {
    const all: LiveEvent[] = [];
    for await (const event of this.events()) all.push(event);
    return all;
  }

  async json(): Promise<{ error?: string; message?: string }> {
    return (await this.#response.json()) as { error?: string };
  }

  async *events(): AsyncGenerator<LiveEvent> {
    let text = '';
    assert.ok(this.#response.body);
    for await (const chunk of this.#response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = this.#read(block);
        if (event !== undefined) yield event;
      }
    }
    assert.equal(text, '', 'an event that is cut');
  }

  #read(block: string): LiveEvent | undefined {
    const fields = block
      .split('\n')
      .map((line) => /^([^:]*): ?(.*)$/.exec(line)?.slice(1) as [string, string]);
    const of = (name: string) => fields.find(([field]) => field === name)?.[1];
    if (of('') !== undefined) this.comments += 1;
    if (of('retry') !== undefined) this.retryMs = Number(of('retry'));
    const data = of('data');
    return data === undefined ? undefined : { id: Number(of('id')), job: JSON.parse(data) as JobJson };
  }
}

export type LiveMessage = { job?: JobJson; error?: string; message?: string; jobId?: string; ended?: string };

/** A client on a WebSocket. It keeps all that came. */
export class SocketClient {
  readonly socket: WebSocket;
  readonly messages: LiveMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, false);
      this.messages.push(JSON.parse(String(data)) as LiveMessage);
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  static async open(
    test: TestContext,
    site: TestSite,
    { query = '', ...options }: ClientOptions & { query?: string } = {},
  ): Promise<SocketClient> {
    const headers = query === '' ? { 'x-artly-secret': site.key } : {};
    const client = new SocketClient(new WebSocket(socketAddress(site, query), { headers, ...options }));
    test.after(() => client.socket.terminate());
    await once(client.socket, 'open');
    return client;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  jobs(jobId: string): JobJson[] {
    return this.messages.flatMap(({ job }) => (job?.jobId === jobId ? [job] : []));
  }

  /** The first message that `wanted` says yes to, waited for. */
  async until(wanted: (message: LiveMessage) => unknown): Promise<LiveMessage> {
    const deadline = Date.now() + PATIENCE_MS;
    while (Date.now() < deadline) {
      const found = this.messages.find(wanted);
      if (found !== undefined) return found;
      await pause(2);
    }
    throw new Error(`Only came: ${JSON.stringify(this.messages)}`);
  }
}

export function socketAddress({ url }: TestSite, query = ''): string {
  return `${url.replace('http', 'ws')}/artly/sync/live${query}`;
}

/** The answer to a WebSocket that is refused. */
export async function refusal(
  address: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string | undefined; error: string }> {
  const socket = new WebSocket(address, { headers });
  socket.on('error', () => undefined);
  const [, response] = await once(socket, 'unexpected-response');
  const chunks = (await response.toArray()) as Buffer[];
  const { error } = JSON.parse(Buffer.concat(chunks).toString()) as { error: string };
  return { status: response.statusCode, type: response.headers['content-type'], error };
}

export function assertGrowing(versions: number[]): void {
  const sorted = [...new Set(versions)].sort((one, other) => one - other);
  assert.deepEqual(versions, sorted, 'no version twice, and none backwards');
}

export async function ticketFor(site: TestSite, jobId: string): Promise<string> {
  const { status, json } = await site.call(`/artly/sync/jobs/${jobId}/ticket`, {});
  assert.equal(status, 201, JSON.stringify(json));
  return json.ticket as string;
}
