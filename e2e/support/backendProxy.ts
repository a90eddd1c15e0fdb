import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between the backend and those who speak to it, and does to them what networks and older versions do. */
export class BackendProxy {
  readonly url: string;
  /** While true, streams of events stay open, and nothing comes through. */
  holdsEvents = false;
  /** Resolves when something of a stream has gone through. */
  readonly firstEvent: Promise<void>;
  #passed: () => void;
  #target: string;
  #server: Server;
  #streams = new Set<ServerResponse>();
  #hasTickets = true;

  private constructor(target: string, server: Server) {
    this.#target = target;
    this.#server = server;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstEvent = promise;
    this.#passed = resolve;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming, outgoing) => this.#pass(incoming, outgoing));
  }

  static async start(target: string): Promise<BackendProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BackendProxy(target, server);
  }

  /** How many streams of events are open. */
  get streams(): number {
    return this.#streams.size;
  }

  async streamsEnded(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => once(stream, 'close')));
  }

  /** From now on the backend is one from before there were tickets. */
  withoutTickets(): void {
    this.#hasTickets = false;
  }

  /** Cuts off who watches. Other requests go on. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { url = '', method, headers } = incoming;
    if (!this.#hasTickets && url.endsWith('/ticket')) {
      outgoing.writeHead(404, { 'content-type': 'application/json' });
      outgoing.end('{"success":false,"error":"NOT_FOUND","message":"There is nothing at this address."}');
      return;
    }
    const onward = request(this.#target + url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (answer.headers['content-type']?.startsWith('text/event-stream')) this.#stream(answer, outgoing);
      else answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.once('close', () => {
      this.#streams.delete(outgoing);
      onward.destroy();
    });
    incoming.pipe(onward);
  }

  /** The end of a stream does not go through: from the final event alone the page must know that it is over. */
  #stream(answer: IncomingMessage, outgoing: ServerResponse): void {
    this.#streams.add(outgoing);
    outgoing.flushHeaders();
    answer.on('data', (piece) => {
      if (this.holdsEvents) return;
      outgoing.write(piece);
      this.#passed();
    });
  }
}
