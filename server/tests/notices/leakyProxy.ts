import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** Which bytes get lost. */
export type Swallowed = 'both' | 'toServer' | 'toClient';

/** What becomes of the bytes of a connection to the server, for each connection anew. */
export type Changes = () => (chunk: Buffer) => Buffer | null;

/** A LISTEN is taken and brings nothing, as a pooler by transaction does. */
export const deafAtListen: Changes = () => (chunk) =>
  Buffer.from(chunk.toString('latin1').replace('LISTEN artly_sync', 'LISTEN artly_sinc'), 'latin1');

/** The `nth` message with this text gets lost, and all that comes after it on its connection. */
export function silentAt(text: string, nth: number): Changes {
  let seen = 0;
  return () => {
    let silent = false;
    return (chunk) => {
      if (chunk.includes(text)) silent ||= ++seen === nth;
      return silent ? null : chunk;
    };
  };
}

/** Stands before a server, and can swallow all that its connections carry from then on, as a firewall does. */
export class LeakyProxy {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  /** New connections are taken, and nothing answers there. */
  #closed = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number, { changes }: { changes?: Changes } = {}): Promise<LeakyProxy> {
    const server = createServer();
    const proxy = new LeakyProxy(server);
    server.on('connection', (near) => proxy.#join(near, connect(port, '127.0.0.1'), changes));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The same address by this proxy. */
  before(url: string): string {
    return Object.assign(new URL(url), { port: String(this.port) }).href;
  }

  /** The connections that are open stay open and carry nothing more. New ones work, unless they go the same way. */
  swallow(what: Swallowed = 'both', { newOnes = false } = {}): void {
    this.#closed = newOnes;
    for (const [near, far] of this.#pairs) {
      if (what !== 'toClient') near.unpipe().resume();
      if (what !== 'toServer') far.unpipe().resume();
    }
  }

  /** New connections work; those that were swallowed stay dead. */
  heal(): void {
    this.#closed = false;
  }

  stop(): void {
    this.#server.close();
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #join(near: Socket, far: Socket, changes: Changes | undefined): void {
    this.#pairs.add([near, far]);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    if (this.#closed) {
      near.resume();
      return;
    }
    far.pipe(near);
    if (changes === undefined) near.pipe(far);
    else near.pipe(through(changes())).pipe(far);
  }
}

function through(change: ReturnType<Changes>): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, change(chunk));
    },
  });
}
