import { connect, type Socket } from 'node:net';

/** A connection on which a test writes what no HTTP client would send. */
export class RawRequest {
  readonly #socket: Socket;
  #received = '';

  /** Everything the server answered until it closed the connection, or until `cut`. */
  readonly answer: Promise<string>;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    this.answer = new Promise((resolve) => {
      this.#socket.on('data', (data) => {
        this.#received += data;
      });
      this.#socket.on('error', () => undefined);
      this.#socket.on('close', () => resolve(this.#received));
    });
  }

  /** Resolves when the bytes are on their way. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** Goes away without a word, as a client does whose machine loses its network. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }
}

export function requestHead(path: string, headers: Record<string, string | number>): string {
  const lines = Object.entries({ host: 'shop.example', connection: 'close', ...headers });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

export function jsonOf(answer: string): { status: number; error?: string; message?: string } {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), ...JSON.parse(body) };
}
