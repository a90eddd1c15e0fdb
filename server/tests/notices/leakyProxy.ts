import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/**
 * Stands before a server, and can swallow all that its connections carry from then on, as a firewall does. A deaf one
 * takes a LISTEN and brings nothing, as a pooler by transaction does.
 */
export class LeakyProxy {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number, { deaf = false } = {}): Promise<LeakyProxy> {
    const server = createServer();
    const proxy = new LeakyProxy(server);
    server.on('connection', (near) => proxy.#join(near, connect(port, '127.0.0.1'), deaf));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connections that are open stay open and carry nothing more; new ones work. */
  swallow(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).resume();
      far.unpipe(near).resume();
    }
  }

  stop(): void {
    this.#server.close();
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #join(near: Socket, far: Socket, deaf: boolean): void {
    this.#pairs.add([near, far]);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy()).pipe(near);
    if (deaf) near.pipe(misheard()).pipe(far);
    else near.pipe(far);
  }
}

/** Listens to another channel than was asked for. */
function misheard(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(
        null,
        Buffer.from(chunk.toString('latin1').replace('LISTEN artly_sync', 'LISTEN artly_sinc'), 'latin1'),
      );
    },
  });
}
