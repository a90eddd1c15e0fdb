#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { visitStorage } from './compose.ts';
import { type Config, readConfig, readCopyAddresses } from './config.ts';
import { dbCopy } from './dbCopy.ts';
import { SyncError } from './domain/errors.ts';
import { isoTime } from './domain/job.ts';
import type { Log } from './domain/log.ts';
import { createLog } from './log.ts';
import { startServer } from './server.ts';
import { systemClock } from './services/clock.ts';
import { DEFAULT_SITE, SiteService } from './services/siteService.ts';
import type { DroppedOfSite, Site } from './storage/storage.ts';

const HELP = `Artly Sync moves points balances from a shop to the reminder backend.

  artly-sync serve               start the server and its worker, or the part of them that ARTLY_ROLE names
  artly-sync work                start a worker alone, on PostgreSQL
  artly-sync sites add URL       let a site in, and print its key, once
  artly-sync sites list          the sites, and when each was last seen
  artly-sync sites rotate URL    a new key for a site; its old key ends at once
  artly-sync sites revoke URL    no key of the site is valid any more
  artly-sync sites remove URL    deletes the site and all that is its own; needs --yes
  artly-sync db copy --from sqlite:PATH --to postgres://USER:PASSWORD@HOST:PORT/DATABASE
                                 copy everything from SQLite to PostgreSQL; again, to go on where it was

  --yes                          really do it (sites remove)
  --json                         print JSON instead of text (sites)
  --help                         this text

Settings come from the environment: docs/operations.md lists them.
`;

/** Exit codes of the command line: 0 done, 1 it could not be done, 2 the command is not understood. */
const NOT_DONE = 1;
const NOT_UNDERSTOOD = 2;
/** A server that was told to end, or broke, ends within this time, in whatever state. */
const LONGEST_STOP_MS = 10_000;

class UsageError extends Error {}

async function main(): Promise<void> {
  const { positionals, values } = readArguments();
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) return print(HELP.trimEnd());
  if (command === 'db') return db(rest, values);
  if (values.from !== undefined || values.to !== undefined)
    throw new UsageError('--from and --to belong to "db copy".');
  if (command === 'serve' && rest.length === 0) return serve(readConfig(process.env));
  if (command === 'work' && rest.length === 0)
    return serve(readConfig({ ...process.env, ARTLY_ROLE: 'worker' }));
  if (command === 'sites') return sites(readConfig(process.env), rest, values);
  throw new UsageError(`"${positionals.join(' ')}" is no command.`);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        from: { type: 'string' },
        to: { type: 'string' },
        json: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  // Before the start, so that a signal during it also ends in an orderly stop.
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve(signal));
  });
  const broken = brokenDown(log);
  const server = await startServer(config, log);
  const signal = await Promise.race([signalled, broken]);
  if (signal !== undefined) log.info('server.signal', { signal });
  // Should the orderly end fail or hang, say in a network that swallows everything, it ends all the same.
  setTimeout(() => process.exit(NOT_DONE), LONGEST_STOP_MS).unref();
  await server.stop();
  process.exit(signal === undefined ? NOT_DONE : 0);
}

/** Resolves after a mistake that nobody caught, or the death of a thread: this process has to end. */
function brokenDown(log: Log): Promise<undefined> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (error) => {
      log.error('server.broken', { cause: error.stack });
      resolve(undefined);
    });
  });
}

async function db([verb, ...more]: string[], { from, to }: { from?: string; to?: string }): Promise<void> {
  if (verb !== 'copy') throw new UsageError(`"db ${verb ?? ''}" is no command.`);
  if (more.length > 0) throw new UsageError('db copy takes its addresses by --from and --to.');
  if (!from || !to) throw new UsageError(`--${from ? 'to' : 'from'} is missing.`);
  print(await dbCopy(readCopyAddresses({ from, to })));
}

interface SiteOptions {
  json: boolean;
  yes: boolean;
}

async function sites(
  config: Config,
  [verb, url, ...more]: string[],
  { json, yes }: SiteOptions,
): Promise<void> {
  if (more.length > 0) throw new UsageError(`"${more.join(' ')}" is too much.`);
  const needsUrl = verb !== 'list';
  if (needsUrl !== (url !== undefined))
    throw new UsageError(needsUrl ? 'The address of the site is missing.' : 'list takes no address.');
  if (verb === 'remove') checkRemoval(config, url ?? '', yes);
  const { storage, close } = await visitStorage(config);
  try {
    const service = new SiteService({ storage, clock: systemClock });
    await siteCommand(service, { verb, url: url ?? '', json });
  } finally {
    await close();
  }
}

async function siteCommand(
  service: SiteService,
  { verb, url, json }: { verb: string | undefined; url: string; json: boolean },
): Promise<void> {
  switch (verb) {
    case 'add':
      return printKey(await service.add(url), json);
    case 'rotate':
      return printKey(await service.rotate(url), json);
    case 'revoke': {
      const site = await service.revoke(url);
      return print(json ? JSON.stringify(siteAsJson(site)) : revokedText(site));
    }
    case 'remove': {
      const { site, dropped } = await service.remove(url, { name: 'command line', ip: null });
      return print(json ? JSON.stringify({ ...siteAsJson(site), dropped }) : removedText(site, dropped));
    }
    case 'list':
      return printSites(await service.list(), json);
    default:
      throw new UsageError(`"sites ${verb ?? ''}" is no command.`);
  }
}

function printKey({ site, key }: { site: Site; key: string }, json: boolean): void {
  const text = `The key of ${site.url}, shown this once:\n\n  ${key}\n\nPut it into the shop: WordPress, Artly Sync, Settings.`;
  print(json ? JSON.stringify({ ...siteAsJson(site), key }) : text);
}

function revokedText({ url }: Site): string {
  const rest = url === DEFAULT_SITE ? ' ARTLY_API_SECRET lets it in all the same, until you unset it.' : '';
  return `No key of ${url} is valid any more. Its data stays.${rest}`;
}

function checkRemoval({ apiSecret }: Config, url: string, yes: boolean): void {
  if (url === DEFAULT_SITE && apiSecret !== undefined) {
    const message = 'ARTLY_API_SECRET lets the site "default" in: unset it and restart the server first.';
    throw new SyncError('SITE_LET_IN', message);
  }
  if (yes) return;
  const message = `This deletes ${url} with its keys, jobs, history and balances, for good: say --yes if you mean it.`;
  throw new UsageError(message);
}

function removedText({ url }: Site, { jobs, balances, records }: DroppedOfSite): string {
  const counts = [jobs, balances, records].map((count) => count.toLocaleString('en-US'));
  return `Deleted ${url}: its keys, ${counts[0]} jobs with their history, ${counts[1]} balances, and ${counts[2]} events and users.`;
}

function printSites(all: Site[], json: boolean): void {
  print(json ? JSON.stringify(all.map(siteAsJson)) : siteLines(all).join('\n'));
}

function siteLines(all: Site[]): string[] {
  if (all.length === 0) return ['No site yet: let one in with "artly-sync sites add https://shop.example".'];
  return all.map(({ url, revokedAt, lastSeenAt }) => {
    const seen = lastSeenAt === null ? 'never seen' : `last seen ${isoTime(lastSeenAt)}`;
    return `${url}  ${seen}${revokedAt === null ? '' : `  revoked ${isoTime(revokedAt)}`}`;
  });
}

function siteAsJson({ siteId, url, createdAt, revokedAt, lastSeenAt }: Site) {
  return {
    siteId,
    url,
    createdAt: isoTime(createdAt),
    revokedAt: isoTime(revokedAt),
    lastSeenAt: isoTime(lastSeenAt),
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SyncError || error instanceof UsageError)) throw error;
  const usage = error instanceof UsageError;
  process.stderr.write(`artly-sync: ${error.message}\n${usage ? `\n${HELP}` : ''}`);
  process.exit(usage ? NOT_UNDERSTOOD : NOT_DONE);
}
