import { type IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { SyncError } from '../domain/errors.ts';

/** Messages of a client are short; a longer one ends its socket (1009). */
const MAX_MESSAGE_BYTES = 4_096;
/** How long a connection that was refused may take to go. */
const LINGER_MS = 2_000;

interface Upgrade {
  socket: Duplex;
  /** What the client sent right behind its request. */
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();
const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: MAX_MESSAGE_BYTES,
});

/** Whether the request asks for a WebSocket: any other wish to upgrade is passed over, as HTTP allows. */
export function wantsSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Lets the app answer a request for a WebSocket like any other: with its sign-in, its errors as JSON, and its 404. The
 * endpoint that wants the socket calls `openSocket`.
 */
export function answerUpgrade(
  app: RequestListener,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    // A connection that breaks has nobody to tell.
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => {
      socket.end();
      const cut = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => clearTimeout(cut));
    });
    upgrades.set(request, { socket, head });
    app(request, response);
  };
}

export function requireUpgrade(request: IncomingMessage, response: ServerResponse): void {
  if (upgrades.has(request)) return;
  response.setHeader('upgrade', 'websocket');
  response.setHeader('connection', 'upgrade');
  throw new SyncError(
    'UPGRADE_REQUIRED',
    'This address speaks WebSocket: open it by a WebSocket client, and let proxies pass Upgrade on.',
  );
}

/** Makes the WebSocket that the request asks for; throws where it asks in a wrong way. */
export function openSocket(request: IncomingMessage, response: ServerResponse): WebSocket {
  const { socket, head } = upgrades.get(request) as Upgrade;
  let opened: WebSocket | undefined;
  let reason = 'the connection is gone';
  const refuse = (error: Error) => {
    reason = error.message;
  };
  // All of it happens within the call.
  sockets.once('wsClientError', refuse);
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    opened = webSocket;
  });
  sockets.off('wsClientError', refuse);
  if (opened === undefined) throw new SyncError('INVALID_PARAMETER', `No WebSocket can be made: ${reason}.`);
  response.detachSocket(socket as Socket);
  return opened;
}
