import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import { compose, type Parts, type Replacements } from './compose.ts';
import { type Config, nameOfDatabase } from './config.ts';
import { SyncError } from './domain/errors.ts';
import type { Log } from './domain/log.ts';
import { withRequestId } from './log.ts';
import type { Turn } from './queue/queue.ts';
import { answerUpgrade, wantsSocket } from './routes/upgrade.ts';

/** Requests still open after this long are cut off, so that the whole stop stays within 10 s. */
const DRAIN_MS = 7_000;

const SHORT_KEY = 16;

export interface RunningServer {
  /** Where it listens; undefined for a worker that answers nobody. */
  url: string | undefined;
  parts: Parts;
  /** Stops taking work, finishes the batch in hand, and leaves the rest for the next process. */
  stop(): Promise<void>;
}

/** Starts what the role of this process names; resolves when it listens and works. */
export async function startServer(
  config: Config,
  log: Log,
  replacements: Replacements = {},
): Promise<RunningServer> {
  const { role, workers, database } = config;
  const parts = await compose(config, log, replacements);
  warnOfShortKey(config, log);
  const stopping = new AbortController();
  const { bodyIdleMs, browserOrigins } = config;
  const rest = { log, stopping: stopping.signal, bodyIdleMs, browserOrigins };
  const app = createApp({ ...parts, ...rest, withApi: role !== 'worker' });
  const server = createServer({ requestTimeout: 0, shouldUpgradeCallback: wantsSocket }, app);
  server.on('upgrade', answerUpgrade(app));
  try {
    await listen(server, config);
  } catch (error) {
    await parts.queue.stop();
    await parts.close();
    throw error;
  }
  const works = role !== 'api';
  if (works) {
    // A turn is no part of the request whose message woke the worker.
    await parts.queue.work((turn) => withRequestId(null, () => takeTurn(parts, turn)));
  }
  parts.sweep.start({ ownOnly: !works });
  const url = urlOf(server);
  log.info('server.started', { url, role, workers: works ? workers : 0, database: nameOfDatabase(database) });
  return { url, parts, stop: () => stop({ server, parts, stopping, log }) };
}

async function takeTurn({ artly }: Parts, turn: Turn): Promise<'again' | 'done'> {
  const { again } = await artly.processPointsBalances(turn);
  return again ? 'again' : 'done';
}

async function stop(running: {
  server: Server;
  parts: Parts;
  stopping: AbortController;
  log: Log;
}): Promise<void> {
  const { server, parts, stopping, log } = running;
  log.info('server.stopping');
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  stopping.abort(new SyncError('SHUTTING_DOWN', 'The server is stopping: the job goes on when it is back.'));
  parts.watchers.stop();
  server.closeIdleConnections();
  const cutOff = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await Promise.all([parts.sweep.stop(), parts.queue.stop()]);
  await closed;
  clearTimeout(cutOff);
  await parts.close();
  log.info('server.stopped');
}

/** Older installations have keys of any length, and they stay valid; but a short one can be guessed. */
function warnOfShortKey({ apiSecret }: Config, log: Log): void {
  if (apiSecret !== undefined && apiSecret.length < SHORT_KEY) {
    log.warn('key.short', { variable: 'ARTLY_API_SECRET', shortest: SHORT_KEY });
  }
}

async function listen(server: Server, { port, host }: Config): Promise<void> {
  if (port === undefined) return;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, { port, host })));
    server.listen(port, host, () => resolve());
  });
}

function listenError(cause: NodeJS.ErrnoException, { port, host }: { port: number; host: string }): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program listens there: stop it, or set PORT to another number',
    EACCES: 'this user may not listen there: set PORT to a number above 1023',
    EADDRNOTAVAIL: 'this machine has no such address: set HOST to one it has',
  };
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  return new SyncError('INVALID_CONFIGURATION', `Can't listen on ${host}:${port}: ${reason}.`, { cause });
}

function urlOf(server: Server): string | undefined {
  if (!server.listening) return undefined;
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
