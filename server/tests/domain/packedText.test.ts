import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discardText, packText, unpackText } from '../../src/domain/packedText.ts';

describe('A packed text', () => {
  for (const length of [0, 2, 300, 70_000, 3_000_000]) {
    it(`of ${length} characters is unpacked as it was, and may be discarded`, () => {
      const text = 'ü1'.repeat(length / 2);
      const unpacked = unpackText(packText(text));
      assert.equal(unpacked.toString(), text);
      discardText(unpacked);
      assert.equal(unpackText(packText(text)).toString(), text);
    });
  }

  it('that is small takes nothing from others when it is discarded', () => {
    const texts = Array.from({ length: 200 }, (_, at) => unpackText(packText(`text ${at}`)));
    discardText(texts[0] as Buffer);
    assert.deepEqual(
      texts.map((text) => text.toString()),
      texts.map((_, at) => `text ${at}`),
    );
  });

  it('that is large frees its bytes when it is discarded', () => {
    const unpacked = unpackText(packText('x'.repeat(200_000)));
    discardText(unpacked);
    assert.equal(unpacked.length, 0);
  });
});
