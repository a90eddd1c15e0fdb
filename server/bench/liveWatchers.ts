import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { hasEnded, type JobJson, type ProductSite } from './product.ts';

/** What one watcher saw of its job. */
export class LiveWatcher {
  /** Milliseconds from the `updatedAt` of each change until it was here; the job as it was at first is none. */
  readonly arrivals: number[] = [];
  backwards = false;
  sawEnd = false;
  /** Resolves when the connection is gone. */
  readonly ended: Promise<void>;
  readonly leave: () => void;
  #version = 0;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.leave = resolve;
  }

  see(job: JobJson): void {
    if (job.version <= this.#version) this.backwards = true;
    if (this.#version > 0) this.arrivals.push(Date.now() - Date.parse(job.updatedAt as string));
    this.#version = job.version;
    this.sawEnd ||= hasEnded(job);
  }
}

/** Resolves when the stream is open; the server ends it. */
export async function openEvents({ url, key }: ProductSite, jobId: string): Promise<LiveWatcher> {
  const watcher = new LiveWatcher();
  const headers = { 'x-artly-secret': key };
  const asking = request(`${url}/artly/sync/jobs/${jobId}/events`, { headers, agent: false }).end();
  const [response] = await once(asking, 'response');
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) watcher.see(JSON.parse(data.slice(6)));
    }
  });
  response.once('close', watcher.leave);
  return watcher;
}

/** Resolves when the socket is open; it is closed after the final state. */
export async function openSocket({ url, key }: ProductSite, jobId: string): Promise<LiveWatcher> {
  const watcher = new LiveWatcher();
  const socket = await openedSocket(url, key);
  socket.on('message', (data) => {
    const { job } = JSON.parse(String(data)) as { job: JobJson };
    watcher.see(job);
    if (watcher.sawEnd) socket.close();
  });
  socket.once('close', watcher.leave);
  socket.send(JSON.stringify({ watch: jobId }));
  return watcher;
}

/** Asks for events, or at every second `at` on a WebSocket, and reads nothing of what comes. */
export async function openSilent(
  { url, key }: ProductSite,
  jobId: string,
  at: number,
): Promise<{ destroy(): void }> {
  if (at % 2 === 0) {
    const socket = await openedSocket(url, key);
    socket.send(JSON.stringify({ watch: jobId }));
    socket.pause();
    return { destroy: () => socket.terminate() };
  }
  const { hostname, port } = new URL(url);
  const silent: Socket = connect(Number(port), hostname).pause();
  silent.on('error', () => undefined);
  silent.write(
    `GET /artly/sync/jobs/${jobId}/events HTTP/1.1\r\nhost: shop\r\nx-artly-secret: ${key}\r\n\r\n`,
  );
  await once(silent, 'connect');
  return silent;
}

async function openedSocket(url: string, key: string): Promise<WebSocket> {
  const address = `${url.replace('http', 'ws')}/artly/sync/live`;
  const socket = new WebSocket(address, { headers: { 'x-artly-secret': key }, perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}
