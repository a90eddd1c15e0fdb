import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freeBytes } from '../../src/domain/ownBuffer.ts';
import { packText, unpackText } from '../../src/domain/packedText.ts';

describe('A packed text', () => {
  for (const length of [0, 2, 300, 70_000, 3_000_000]) {
    it(`of ${length} characters is unpacked as it was, and may be freed`, () => {
      const text = 'ü1'.repeat(length / 2);
      const unpacked = unpackText(packText(text));
      assert.equal(unpacked.toString(), text);
      freeBytes(unpacked);
      assert.equal(unpackText(packText(text)).toString(), text);
    });
  }

  it('that is small takes nothing from others when it is freed', () => {
    const texts = Array.from({ length: 200 }, (_, at) => unpackText(packText(`text ${at}`)));
    freeBytes(texts[0] as Buffer);
    assert.deepEqual(
      texts.map((text) => text.toString()),
      texts.map((_, at) => `text ${at}`),
    );
  });

  it('that is large gives its memory back when it is freed', () => {
    const unpacked = unpackText(packText('x'.repeat(200_000)));
    freeBytes(unpacked);
    assert.equal(unpacked.length, 0);
  });
});
