import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { readDoc, tableRows } from './markdown.ts';

const doc = readDoc('operations.md');
const SOURCE = new URL('../../src/', import.meta.url);

describe('docs/operations.md', () => {
  it('lists every variable with its default, and no other', () => {
    const listed = tableRows(doc, 'variable', 'default', 'meaning').map(([name, fallback]) => [
      name,
      fallback,
    ]);
    const known = Object.entries(VARIABLES).map(([name, shape]) => [
      name,
      String(shape.parse(undefined) ?? 'none'),
    ]);
    assert.deepEqual(listed, known);
  });

  it('gives defaults that the program takes', () => {
    const listed = tableRows(doc, 'variable', 'default').filter(([, fallback]) => fallback !== 'none');
    assert.deepEqual(readConfig(Object.fromEntries(listed)), readConfig({}));
  });

  it('names only events that the server logs, and all of its warnings and errors', () => {
    const listed = tableRows(doc, 'event', 'level', 'means').flatMap(([events, level]) =>
      (events ?? '')
        .replaceAll('`', '')
        .split(', ')
        .map((event) => `${level} ${event}`),
    );
    const logged = sourceTexts().flatMap((text) =>
      [...text.matchAll(/log\.(info|warn|error)\('([\w.]+)'/g)].map(
        ([, level, event]) => `${level} ${event}`,
      ),
    );
    assert.deepEqual([...new Set(listed)].sort(), [...new Set(logged)].sort());
  });
});

function sourceTexts(): string[] {
  const names = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return names.map((name) => readFileSync(new URL(name, SOURCE), 'utf8'));
}
