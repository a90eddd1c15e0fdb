import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SyncError } from '../../src/domain/errors.ts';
import { JsonArrayReader } from '../../src/intake/jsonArrayReader.ts';

/** Text that looks like the places where the reader may cut, and is none. */
const oddText = fc.string({
  unit: fc.constantFrom(
    '},{',
    '},',
    ',',
    '"',
    '\\',
    '[',
    ']',
    '{',
    '}',
    ' ',
    '\n',
    'a',
    'é',
    '😀',
    '\u2028',
    '1e5',
  ),
  maxLength: 12,
});
const record = fc.oneof(
  { weight: 5, arbitrary: fc.record({ wp_user_id: fc.nat(), email: oddText, note: oddText }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 1, arbitrary: fc.dictionary(oddText, fc.array(oddText, { maxLength: 3 }), { maxKeys: 3 }) },
);
/** How a JSON library may lay out the same array. */
const layout = fc.constantFrom(
  (elements: string[]) => `[${elements.join(',')}]`,
  (elements: string[]) => `\ufeff[${elements.join(',\n  ')}]`,
  (elements: string[]) => ` \r\n[ ${elements.join(' \t\r\n , ')} ]\n`,
);

describe('An array in pieces', () => {
  it('gives the same elements, however the bytes are cut into chunks', () => {
    const cases = fc.record({
      records: fc.array(record, { minLength: 1, maxLength: 40 }),
      write: layout,
      sizes: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
    });
    fc.assert(
      fc.property(cases, ({ records, write, sizes }) => {
        const body = write(records.map((one) => JSON.stringify(one)));
        assert.deepEqual(elementsOf(body, sizes), JSON.parse(body.trimStart()));
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same elements when it is far longer than a piece, with odd texts at the seams', () => {
    const cases = fc.record({
      records: fc.array(record, { minLength: 10, maxLength: 60 }),
      pretty: fc.boolean(),
      write: layout,
      sizes: fc.array(fc.integer({ min: 1_000, max: 70_000 }), { minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(cases, ({ records, pretty, write, sizes }) => {
        const filler = { email: 'x},{'.repeat(2_000) };
        const all = records.flatMap((one) => [one, filler]);
        const body = write(all.map((one) => JSON.stringify(one, null, pretty ? 2 : 0)));
        assert.deepEqual(elementsOf(body, sizes), JSON.parse(body.trimStart()));
      }),
      { numRuns: 25 },
    );
  });

  it('is read from chunks of one byte', () => {
    const records = [{ email: 'é😀},{"\\' }, 1, 'a', null, [[]], {}];
    assert.deepEqual(elementsOf(JSON.stringify(records), [1]), records);
  });

  it('has no elements when it is empty, with or without white space', () => {
    for (const body of ['[]', ' [ \n ] ', '\ufeff[]']) assert.deepEqual(elementsOf(body, [1]), []);
  });
});

const EXACT_NUMBERS: [written: string, read: unknown][] = [
  ['1250', 1250],
  ['12.3', 12.3],
  ['922337203685477.5807', '922337203685477.5807'],
  ['-922337203685477.5808', '-922337203685477.5808'],
  ['9007199254740993', '9007199254740993'],
  ['1e400', Infinity],
  ['1E3', 1000],
  ['1e-400', '1e-400'],
  ['-9007199254740993', '-9007199254740993'],
  ['1.2345678901234567e3', '1.2345678901234567e3'],
  ['0.10000000000000001', '0.10000000000000001'],
];

describe('A number that a double can’t carry', () => {
  for (const [written, read] of EXACT_NUMBERS) {
    it(`${written} comes ${typeof read === 'string' ? 'as its text' : 'as it is'}`, () => {
      for (const field of ['wp_user_id', 'points_balance']) {
        for (const space of ['', ' ', '\n\t']) {
          assert.deepEqual(elementsOf(`[{"${field}":${space}${written}${space}}]`, [9]), [{ [field]: read }]);
        }
      }
    });
  }

  it('does not turn texts that look like numbers into anything else', () => {
    const records = [{ email: ': 9007199254740993', points_balance: 5, n: 1 }];
    assert.deepEqual(elementsOf(JSON.stringify(records), [100]), records);
  });
});

const OBJECTS = 3_000;
const LONG = `{"email":"${'x'.repeat(80)}"}`;
const long = (count: number, separator = ',') => Array(count).fill(LONG).join(separator);

const BROKEN: [what: string, body: string | Buffer, code: string][] = [
  ['nothing', '', 'INVALID_JSON'],
  ['white space alone', ' \n ', 'INVALID_JSON'],
  ['text that is no JSON', 'hello', 'INVALID_JSON'],
  ['HTML', '<!doctype html><p>x', 'INVALID_JSON'],
  ['an object', '{"a":1}', 'NOT_AN_ARRAY'],
  ['a text', '"a"', 'NOT_AN_ARRAY'],
  ['a number', '5', 'NOT_AN_ARRAY'],
  ['null', 'null', 'NOT_AN_ARRAY'],
  ['an object of 2 MB', `{"a":"${'x'.repeat(2_000_000)}"}`, 'NOT_AN_ARRAY'],
  ['lines of JSON', '{"a":1}\n{"a":2}\n', 'INVALID_JSON'],
  ['an array without its end', '[{"a":1},{"a":2}', 'BODY_TRUNCATED'],
  ['an array cut in a text', '[{"a":"b', 'BODY_TRUNCATED'],
  ['an array cut behind a comma', '[{"a":1},', 'BODY_TRUNCATED'],
  ['only the opening bracket', '[', 'BODY_TRUNCATED'],
  ['a long array without its end', `[${long(OBJECTS)}`, 'BODY_TRUNCATED'],
  ['a long array cut in a record', `[${long(OBJECTS)},{"a`, 'BODY_TRUNCATED'],
  ['a comma before the end', '[{"a":1},]', 'INVALID_JSON'],
  ['a comma before the end of a long array', `[${long(OBJECTS)},]`, 'INVALID_JSON'],
  ['a comma at the beginning of a long array', `[,${long(OBJECTS)}]`, 'INVALID_JSON'],
  ['two commas in a long array', `[${long(OBJECTS)},,${long(OBJECTS)}]`, 'INVALID_JSON'],
  ['no comma between records', `[${long(OBJECTS, ' ')}]`, 'INVALID_JSON'],
  ['single quotes', "[{'a':1}]", 'INVALID_JSON'],
  ['NaN', '[{"points_balance":NaN}]', 'INVALID_JSON'],
  ['a wrong bracket', '[{"a":[1}]]', 'INVALID_JSON'],
  ['something behind the array', '[{"a":1}] x', 'INVALID_JSON'],
  ['a second array behind a long one', `[${long(OBJECTS)}],[${long(OBJECTS)}]`, 'INVALID_JSON'],
  ['megabytes behind the array', `[1]${' '.repeat(2_000_000)}x`, 'INVALID_JSON'],
  ['a line break in a text', '[{"a":"b\nc"}]', 'INVALID_JSON'],
  ['bytes that are no UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d]), 'INVALID_JSON'],
  ['a character cut in half', Buffer.from('["é"]').subarray(0, 3), 'INVALID_JSON'],
  ['UTF-16', Buffer.from('\ufeff[{"a":1}]', 'utf16le'), 'INVALID_JSON'],
  ['a record of 5 MB', `["${'x'.repeat(5_000_000)}"]`, 'RECORD_TOO_LARGE'],
  ['5 MB of white space in the array', `[${' '.repeat(5_000_000)}1]`, 'RECORD_TOO_LARGE'],
];

describe('A body that is no JSON array', () => {
  for (const [what, body, code] of BROKEN) {
    it(`is refused as ${code} when it is ${what}`, () => {
      for (const size of [64 * 1024, 1_000_000]) {
        assert.throws(
          () => elementsOf(body, [size]),
          (error) => error instanceof SyncError && error.code === code,
        );
      }
    });
  }

  it('is refused before all of it has come, once a record is too long', () => {
    const reader = new JsonArrayReader(() => {});
    const chunk = Buffer.alloc(64 * 1024, 'x');
    reader.write(Buffer.from('["'));
    let written = 0;
    assert.throws(() => {
      for (; written < 100; written += 1) reader.write(chunk);
    }, /longer than 1 MiB/);
    assert.ok(written < 20, `${written} chunks were taken`);
  });
});

describe('An array nested 100,000 deep', () => {
  const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000);

  it('is one element', () => {
    assert.equal(elementsOf(`[${deep('[', ']')}]`, [65_536]).length, 1);
    assert.equal(elementsOf(`[{"a":${deep('[', ']')}}]`, [65_536]).length, 1);
  });

  it('beside a number of many digits is an element or invalid JSON, and never ends the thread', () => {
    try {
      assert.equal(elementsOf(`[{"wp_user_id":9007199254740993,"a":${deep('[', ']')}}]`, [65_536]).length, 1);
    } catch (error) {
      assert.ok(error instanceof SyncError && error.code === 'INVALID_JSON', String(error));
    }
  });
});

describe('The time to read', () => {
  it('grows with the bytes, not with their square, when they come one by one without a comma', () => {
    const short = millisecondsFor(`["${'x'.repeat(100_000)}"]`);
    const long = millisecondsFor(`["${'x'.repeat(145_000)}"]`);
    assert.ok(long < 5 * short + 500, `100 KB took ${short} ms, 145 KB took ${long} ms`);
  });
});

function millisecondsFor(body: string): number {
  const began = performance.now();
  elementsOf(body, [1]);
  return Math.round(performance.now() - began);
}

/** Reads `body` in chunks of these sizes, over and over. */
function elementsOf(body: string | Buffer, sizes: number[]): unknown[] {
  const elements: unknown[] = [];
  const reader = new JsonArrayReader((element) => elements.push(element));
  const bytes = Buffer.from(body as string);
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number;
    reader.write(bytes.subarray(at, at + size));
    at += size;
  }
  reader.end();
  return elements;
}
