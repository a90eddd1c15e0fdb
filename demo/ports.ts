import { createServer } from 'node:net';

/** A port of this machine that nobody listens on: the first free one of those wished for, else any. */
export async function choosePort(wished: (number | undefined)[]): Promise<number> {
  for (const port of wished) {
    if (port !== undefined && (await isFree(port))) return port;
  }
  const free = await listenOnce(0);
  if (free === undefined) throw new Error('This machine has no free port on 127.0.0.1.');
  return free;
}

/** Tells whether a port is free. */
export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined;
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : undefined));
    });
  });
}
