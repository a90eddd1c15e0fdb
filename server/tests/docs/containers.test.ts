import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { VARIABLES } from '../../src/config.ts';

const ROOT = new URL('../../../', import.meta.url);
const dockerfile = readFileSync(new URL('Dockerfile', ROOT), 'utf8');
const compose = readFileSync(new URL('compose.yaml', ROOT), 'utf8');

describe('Dockerfile and compose.yaml', () => {
  it('set only variables that the program reads', () => {
    const set = `${dockerfile}${compose}`.match(/\b(ARTLY_[A-Z_]+|DATABASE_URL)\b/g) ?? [];
    const unknown = set.filter((name) => !(name in VARIABLES));
    assert.deepEqual(unknown, []);
  });

  it('copy only what is there, and what the image’s list of files lets in', () => {
    const ignored = readFileSync(new URL('.dockerignore', ROOT), 'utf8');
    const sources = [...dockerfile.matchAll(/^COPY (.+) \S+$/gm)].flatMap(
      ([, names]) => names?.split(' ') ?? [],
    );
    assert.ok(sources.length > 0);
    for (const source of sources) {
      assert.ok(existsSync(new URL(source, ROOT)), source);
      assert.ok(ignored.split('\n').includes(`!${source}`), source);
    }
  });

  it('run the program without the rights of root', () => {
    assert.match(dockerfile, /^USER node$/m);
  });
});
