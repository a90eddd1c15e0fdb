import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChildProcess } from './childProcess.ts';
import type { Children } from './children.ts';
import { findProgram } from './programs.ts';
import { runProgram } from './runProgram.ts';

const SQL_SCRIPT = fileURLToPath(new URL('php/sql.php', import.meta.url));

export type MariadbOptions = {
  /** Holds the data, the log and the first statements; made when it isn't there. */
  folder: string;
  port: number;
  /** Letters, digits and dashes: it stands in SQL. */
  password: string;
};

export type Row = Record<string, string | number | null>;

/** A MariaDB server with one empty database, reached on 127.0.0.1 by one user with a password. */
export class Mariadb {
  readonly port: number;
  readonly password: string;
  readonly user = 'wordpress';
  readonly database = 'wordpress';
  readonly process: ChildProcess;

  private constructor(process: ChildProcess, { port, password }: MariadbOptions) {
    this.process = process;
    this.port = port;
    this.password = password;
  }

  static async start(children: Children, options: MariadbOptions): Promise<Mariadb> {
    const data = join(options.folder, 'data');
    if (!existsSync(data)) await createData(data, children.signal);
    const temporary = join(options.folder, 'tmp');
    await mkdir(temporary, { recursive: true });
    const firstStatements = join(options.folder, 'first.sql');
    await writeFile(firstStatements, accountStatements(options.password), { mode: 0o600 });
    const process = children.start({
      name: 'MariaDB',
      command: findProgram('mariadbd'),
      args: [
        ...commonArguments(data),
        `--port=${options.port}`,
        `--init-file=${firstStatements}`,
        '--bind-address=127.0.0.1',
        // Of its own: a server that starts clears the temporary tables of others out of a shared folder.
        `--tmpdir=${temporary}`,
        // Relative to the data folder: a full path may be longer than a socket's name can be.
        '--socket=mariadb.sock',
        '--performance-schema=OFF',
        '--character-set-server=utf8mb4',
      ],
      logFile: join(options.folder, 'mariadb.log'),
      stopSeconds: 30,
    });
    await process.waitUntilReady({ isReady: () => greets(options.port), seconds: 60 });
    return new Mariadb(process, options);
  }

  /** Runs one statement and gives its rows, if it has any. */
  async query(statement: string): Promise<Row[]> {
    const input = JSON.stringify({ ...this.#account(), statements: [statement] });
    const rows: Row[] = JSON.parse(await runProgram(findProgram('php'), [SQL_SCRIPT], { input }));
    return rows;
  }

  /** Runs statements in order, in one transaction. */
  async execute(statements: string[], signal?: AbortSignal): Promise<void> {
    const input = JSON.stringify({ ...this.#account(), statements });
    await runProgram(findProgram('php'), [SQL_SCRIPT], { input, ...(signal ? { signal } : {}) });
  }

  #account() {
    return { port: this.port, user: this.user, password: this.password, database: this.database };
  }
}

// What is half made has another name: an interrupted start leaves nothing that looks whole.
async function createData(data: string, signal: AbortSignal): Promise<void> {
  const making = `${data}.making`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  await runProgram(
    findProgram('mariadb-install-db'),
    // It is a shell script that breaks at a space in the path: so it is told a path without the folders above.
    [
      ...commonArguments(`./${basename(making)}`),
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { cwd: dirname(making), signal },
  );
  await rename(making, data);
}

function commonArguments(data: string): string[] {
  // MariaDB runs as root only where told so.
  return ['--no-defaults', ...(process.getuid?.() === 0 ? ['--user=root'] : []), `--datadir=${data}`];
}

/** MariaDB runs a file of statements, one a line, before it takes the first connection. */
function accountStatements(password: string): string {
  return [
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    'CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4;',
    // MariaDB may know 127.0.0.1 by its name.
    ...['127.0.0.1', 'localhost'].flatMap((host) => [
      `CREATE USER IF NOT EXISTS 'wordpress'@'${host}' IDENTIFIED BY '${password}';`,
      `GRANT ALL ON wordpress.* TO 'wordpress'@'${host}';`,
    ]),
    '',
  ].join('\n');
}

/** A MariaDB that takes connections speaks first. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
