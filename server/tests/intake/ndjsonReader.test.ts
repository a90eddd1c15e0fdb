import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SyncError } from '../../src/domain/errors.ts';
import { NdjsonReader } from '../../src/intake/ndjsonReader.ts';

describe('NDJSON in pieces', () => {
  it('gives the same records, however the bytes are cut into chunks', () => {
    const cases = fc.record({
      records: fc.array(fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.record({ wp_user_id: fc.nat() })), {
        maxLength: 40,
      }),
      lineEnd: fc.constantFrom('\n', '\r\n', '\n\n', ' \n\t'),
      lastLineEnds: fc.boolean(),
      chunk: fc.integer({ min: 1, max: 200 }),
    });
    fc.assert(
      fc.property(cases, ({ records, lineEnd, lastLineEnds, chunk }) => {
        const lines = records.map((one) => JSON.stringify(one));
        const body = `${lines.join(lineEnd)}${lastLineEnds ? lineEnd : ''}`;
        assert.deepEqual(
          elementsOf(body, chunk),
          lines.map((line) => JSON.parse(line)),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('gives every record of a body far longer than a piece, in order', () => {
    const ids = Array.from({ length: 20_000 }, (_, at) => at);
    const body = ids.map((id) => `{"wp_user_id":${id},"email":"member${id}@shop.example"}\n`).join('');
    const elements = elementsOf(body, 64 * 1024) as { wp_user_id: number }[];
    assert.deepEqual(
      elements.map(({ wp_user_id }) => wp_user_id),
      ids,
    );
  });

  it('may begin with a byte order mark', () => {
    assert.deepEqual(elementsOf('\ufeff{"a":1}\n', 1000), [{ a: 1 }]);
  });

  it('keeps a number that a double can’t carry as its text', () => {
    assert.deepEqual(elementsOf('{"points_balance":922337203685477.5807}\n', 1000), [
      { points_balance: '922337203685477.5807' },
    ]);
  });

  it('is refused with the line that is no JSON', () => {
    const body = `{"a":1}\n\n${'{"a":1}\n'.repeat(30_000)}{"a":\n`;
    assert.throws(() => elementsOf(body, 64 * 1024), isError('INVALID_JSON', /^Line 30003 /));
  });

  it('is refused where a record goes on in the next line', () => {
    assert.throws(() => elementsOf('{"a":1\n"b":2}\n', 1000), isError('INVALID_JSON', /^Line 1 /));
  });

  it('is refused when a line has no end', () => {
    assert.throws(
      () => elementsOf(`"${'x'.repeat(3_000_000)}`, 64 * 1024),
      isError('RECORD_TOO_LARGE', /1 MiB/),
    );
  });
});

function elementsOf(body: string, chunk: number): unknown[] {
  const elements: unknown[] = [];
  const reader = new NdjsonReader((element) => elements.push(element));
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += chunk) reader.write(bytes.subarray(at, at + chunk));
  reader.end();
  return elements;
}

function isError(code: string, message: RegExp) {
  return (error: unknown) => error instanceof SyncError && error.code === code && message.test(error.message);
}
