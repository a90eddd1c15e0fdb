import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

// Debian keeps server programs where only root's PATH looks.
const EXTRA_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin'];

/** The full path of an installed program; scripts/setup.sh looks in the same folders. */
export function findProgram(name: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_FOLDERS];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found === undefined) throw new Error(`The program ${name} is missing. Run: sh scripts/setup.sh system`);
  return found;
}

/** Where WordPress lies ready to be copied. */
export function wordpressSource(): string {
  return process.env.ARTLY_WORDPRESS ?? '/usr/share/wordpress';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
