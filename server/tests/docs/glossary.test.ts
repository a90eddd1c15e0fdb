import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDoc, tableRows } from './markdown.ts';

describe('docs/glossary.md', () => {
  const rows = tableRows(readDoc('glossary.md'), 'word', 'meaning');

  it('explains each word once, in the order of the alphabet', () => {
    const words = rows.map(([word]) => word as string);
    assert.deepEqual(
      words,
      [...new Set(words)].sort((one, other) => one.localeCompare(other, 'en')),
    );
    for (const [word, meaning] of rows) assert.match(meaning ?? '', /\.$/, word);
  });
});
