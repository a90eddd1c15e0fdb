import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

/** A program of its own: takes paths of TypeScript files, and prints a JSON list of the JavaScript that they are. */
const scripts = process.argv.slice(2).map((path) => stripTypeScriptTypes(readFileSync(path, 'utf8')));
process.stdout.write(JSON.stringify(scripts));
