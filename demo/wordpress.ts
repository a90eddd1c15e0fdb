import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Children } from './children.ts';
import type { Mariadb } from './mariadb.ts';
import { findProgram, wordpressSource } from './programs.ts';
import { runProgram } from './runProgram.ts';

const PLUGIN = 'artly-reminder-bridge';
const THEME = 'artly-demo';
const PLUGIN_SOURCE = fileURLToPath(new URL(`../wp-content/plugins/${PLUGIN}`, import.meta.url));
const THEME_SOURCE = fileURLToPath(new URL('theme', import.meta.url));
const PHP_SCRIPTS = fileURLToPath(new URL('php', import.meta.url));
const SALTS = ['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY'].flatMap((key) => [
  key,
  key.replace('KEY', 'SALT'),
]);

export type WordpressOptions = {
  /** Holds WordPress and the web server's log; made when it isn't there. */
  folder: string;
  port: number;
  title: string;
  adminPassword: string;
};

/** A real WordPress with the plugin linked into it, so that an edit of the plugin shows at once. */
export class Wordpress {
  readonly tablePrefix = 'wp_';
  readonly adminUser = 'admin';
  readonly url: string;
  readonly root: string;
  readonly logFile: string;
  #options: WordpressOptions;
  #children: Children;
  #database: Mariadb;

  constructor(children: Children, database: Mariadb, options: WordpressOptions) {
    this.#children = children;
    this.#database = database;
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
    this.root = join(options.folder, 'site');
    this.logFile = join(options.folder, 'wordpress.log');
  }

  /** The plugin's page in WordPress's admin. */
  get syncPageUrl(): string {
    return `${this.url}/wp-admin/admin.php?page=artly-reminder-bridge`;
  }

  /** Copies WordPress and makes its tables, where that has not been done. */
  async install(): Promise<void> {
    if (!existsSync(this.root)) await this.#copy();
    await this.#writeConfig();
    await this.#php('install.php', {
      url: this.url,
      title: this.#options.title,
      adminUser: this.adminUser,
      adminPassword: this.#options.adminPassword,
      adminEmail: 'admin@shop.example',
    });
  }

  /** Makes this WordPress answer at its port, with the plugin active and the given options set. */
  async configure(options: Record<string, string>): Promise<void> {
    await this.#writeConfig();
    await this.#php('configure.php', {
      options: { siteurl: this.url, home: this.url, ...options },
      plugin: `${PLUGIN}/${PLUGIN}.php`,
      theme: THEME,
    });
  }

  async serve(): Promise<void> {
    const process = this.#children.start({
      name: 'WordPress',
      command: findProgram('php'),
      // The limits of an ordinary host, not those of a command line.
      args: [
        ...['-d', 'memory_limit=256M', '-d', 'max_execution_time=60'],
        ...['-d', 'opcache.enable=1', '-d', 'opcache.enable_cli=1', '-d', 'opcache.revalidate_freq=0'],
        ...['-d', 'display_errors=0', '-d', 'log_errors=1'],
        ...['-S', `127.0.0.1:${this.#options.port}`, '-t', this.root],
      ],
      // A page that waits for the backend must not keep the others waiting.
      env: { PHP_CLI_SERVER_WORKERS: '4' },
      logFile: this.logFile,
    });
    const isReady = async () =>
      (await fetch(`${this.url}/wp-login.php`, { signal: AbortSignal.timeout(5000) })).ok;
    await process.waitUntilReady({ isReady, seconds: 30 });
  }

  async #copy(): Promise<void> {
    const making = `${this.root}.making`;
    await rm(making, { recursive: true, force: true });
    await mkdir(this.#options.folder, { recursive: true });
    // Debian's package links to files of other packages, and to a configuration that is not this shop's.
    await cp(wordpressSource(), making, { recursive: true, dereference: true });
    await mkdir(join(making, 'wp-content/plugins'), { recursive: true });
    await mkdir(join(making, 'wp-content/themes'), { recursive: true });
    await symlink(PLUGIN_SOURCE, join(making, 'wp-content/plugins', PLUGIN));
    await symlink(THEME_SOURCE, join(making, 'wp-content/themes', THEME));
    await rename(making, this.root);
  }

  async #writeConfig(): Promise<void> {
    const { database, user, password, port } = this.#database;
    const constants: Record<string, string | boolean> = {
      DB_NAME: database,
      DB_USER: user,
      DB_PASSWORD: password,
      DB_HOST: `127.0.0.1:${port}`,
      DB_CHARSET: 'utf8mb4',
      // Nothing here speaks to another machine.
      WP_HTTP_BLOCK_EXTERNAL: true,
      WP_ACCESSIBLE_HOSTS: '127.0.0.1,localhost',
      AUTOMATIC_UPDATER_DISABLED: true,
      WP_DEFAULT_THEME: THEME,
      WP_DEBUG: true,
      WP_DEBUG_DISPLAY: false,
      ...Object.fromEntries(SALTS.map((name) => [name, derive(password, name)])),
    };
    const lines = Object.entries(constants).map(
      ([name, value]) => `define( '${name}', ${phpLiteral(value)} );`,
    );
    const config = `<?php
${lines.join('\n')}
$table_prefix = '${this.tablePrefix}';
if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/' );
}
require_once ABSPATH . 'wp-settings.php';
`;
    const file = join(this.root, 'wp-config.php');
    // A copied package's own configuration may be read-only.
    await rm(file, { force: true });
    await writeFile(file, config, { mode: 0o600 });
  }

  async #php(script: string, request: object): Promise<void> {
    const output = await runProgram(findProgram('php'), [join(PHP_SCRIPTS, script)], {
      input: JSON.stringify(request),
      env: { ARTLY_WP_ROOT: this.root },
      signal: this.#children.signal,
    });
    // WordPress shows most of its errors as a page, and calls that a success.
    if (!output.endsWith('done')) throw new Error(`WordPress could not be set up:\n${pageText(output)}`);
  }
}

function pageText(page: string): string {
  const text = page.replace(/<(style|script)[\s\S]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ');
  return text.replace(/\s+/g, ' ').trim().slice(-500);
}

/** The same for every start, or people would be signed out by each. */
function derive(secret: string, name: string): string {
  return createHash('sha256').update(`${name} ${secret}`).digest('hex');
}

function phpLiteral(value: string | boolean): string {
  if (typeof value === 'boolean') return String(value);
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
