import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Batch } from '../../src/domain/batch.ts';
import { checksumOf } from '../../src/domain/checksum.ts';
import { unpackText } from '../../src/domain/packedText.ts';
import { BodyReader } from '../../src/intake/bodyReader.ts';
import { PlainRecord } from '../../src/intake/plainRecord.ts';
import { checksumOfPlain } from '../../src/intake/rowBytes.ts';
import { readPointsBalance } from '../../src/jobTypes/pointsBalances.ts';
import { member, removal } from '../support/batches.ts';
import { recordTexts } from '../support/oddRecords.ts';

const PLAIN = [
  '{"wp_user_id":1,"email":"a@shop.example","points_balance":61.5}',
  ' { "points_balance" : "12.3000" ,\t"email" : "a@shop.example" , "wp_user_id" : "17" } ',
  '{"wp_user_id":999999999999999,"email":"a.b+c@x.y.z","points_balance":-99999999999.9999}',
  '{"wp_user_id":1,"email":"a@shop.example","points_balance":0,"points_type":"gold coins"}',
  '{"wp_user_id":1,"email":"a@shop.example","points_balance":"-0.0000"}',
  '{"wp_user_id":1,"email":"},{@shop.example","points_balance":0.0001}',
  `{"wp_user_id":1,"email":"${'x'.repeat(250)}@b.c","points_balance":-0.05}`,
];

const NOT_PLAIN: [what: string, record: string][] = [
  ['an escape', '{"wp_user_id":1,"email":"a\\u0040b.c","points_balance":1}'],
  ['a character outside of ASCII', '{"wp_user_id":1,"email":"é@b.c","points_balance":1}'],
  ['an exponent', '{"wp_user_id":1,"email":"a@b.c","points_balance":1e3}'],
  ['a fifth decimal', '{"wp_user_id":1,"email":"a@b.c","points_balance":"1.23450"}'],
  ['a balance of 16 digits', '{"wp_user_id":1,"email":"a@b.c","points_balance":100000000000}'],
  ['an id of 16 digits', '{"wp_user_id":1000000000000000,"email":"a@b.c","points_balance":1}'],
  ['zeros ahead', '{"wp_user_id":"01","email":"a@b.c","points_balance":1}'],
  ['an unknown field', '{"wp_user_id":1,"email":"a@b.c","points_balance":1,"note":2}'],
  ['a field twice', '{"wp_user_id":1,"email":"a@b.c","points_balance":1,"email":"d@b.c"}'],
  ['a removal', '{"wp_user_id":1,"deleted":true}'],
  ['no colon', '{"wp_user_id"1,"email":"a@b.c","points_balance":1}'],
  ['a comma at its end', '{"wp_user_id":1,"email":"a@b.c","points_balance":1,}'],
  ['no end', '{"wp_user_id":1,"email":"a@b.c","points_balance":1'],
  ['an address without a dot', '{"wp_user_id":1,"email":"a@b","points_balance":1}'],
  ['an empty points type', '{"wp_user_id":1,"email":"a@b.c","points_balance":1,"points_type":""}'],
];

describe('A plain record', () => {
  for (const text of PLAIN) {
    it(`is read from its bytes, with the checksum that the rules give it: ${text.slice(0, 70)}`, () => {
      const record = new PlainRecord({ ndjson: false });
      assert.equal(record.read(Buffer.from(`${text},`), 0), text.length);
      const byRule = readPointsBalance(JSON.parse(text)) as Parameters<typeof checksumOf>[0];
      assert.equal(record.wpUserId, byRule.wpUserId);
      assert.equal(checksumOfPlain(record, Buffer.from(byRule.pointsType)), checksumOf(byRule));
    });
  }

  for (const [what, text] of NOT_PLAIN) {
    it(`is none with ${what}`, () => {
      assert.equal(new PlainRecord({ ndjson: false }).read(Buffer.from(`${text},`), 0), -1);
    });
  }

  it('goes over several lines in an array, and not in NDJSON', () => {
    const text = Buffer.from('{"wp_user_id":1,\n"email":"a@b.c","points_balance":1}');
    assert.equal(new PlainRecord({ ndjson: false }).read(text, 0), text.length);
    assert.equal(new PlainRecord({ ndjson: true }).read(text, 0), -1);
  });
});

/** The fields of a row, as text: parsed, the largest balances would lose digits. */
const ROW = /\[(\d+),("(?:[^"\\]|\\.)*"),(-?\d+),(\d+)(?:,("(?:[^"\\]|\\.)*"))?\]/g;

describe('A row', () => {
  it('has the checksum of its record, whichever way the record took', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(recordTexts(['', ' ']), { minLength: 1, maxLength: 40 }), async (records) => {
        const { batches } = await readerOf(
          records.map((record, at) => record(at + 1)),
          false,
        );
        const [{ rows, rowCount, pointsTypes }] = batches as [Batch];
        const found = [...unpackText(rows).toString().matchAll(ROW)];
        assert.equal(found.length, rowCount);
        for (const [, id, email = '', balance = '', checksum, type] of found) {
          const pointsType = type === undefined ? (pointsTypes[0] as string) : JSON.parse(type);
          const record = { wpUserId: Number(id), email: JSON.parse(email), pointsType };
          assert.equal(Number(checksum), checksumOf({ ...record, tenThousandths: BigInt(balance) }));
        }
      }),
    );
  });
});

const MANY = 30_000;

// Nobody would notice otherwise that the short way is no longer taken: it changes nothing but the time.
describe('The short way', () => {
  for (const ndjson of [false, true]) {
    it(`is taken by every plain record of ${ndjson ? 'NDJSON' : 'an array'}`, async () => {
      const records = Array.from({ length: MANY }, (_, at) => JSON.stringify(member(at + 1, at / 2)));
      assert.equal(await plainOf(records, ndjson), MANY);
    });

    it(`is taken again behind each odd record of ${ndjson ? 'NDJSON' : 'an array'}`, async () => {
      const records = Array.from({ length: MANY }, (_, at) =>
        JSON.stringify(at % 3 === 0 ? removal(at + 1) : member(at + 1, at / 2)),
      );
      assert.equal(await plainOf(records, ndjson), (2 * MANY) / 3);
    });
  }
});

describe('Records that come back in a batch', () => {
  it('stand where the first of the member and type stood, with what the last one says', async () => {
    const records = fc.array(
      fc.record({
        id: fc.integer({ min: 1, max: 6 }),
        type: fc.constantFrom('points', 'gems'),
        balance: fc.integer({ min: 0, max: 9 }),
        kind: fc.constantFrom('plain', 'plain', 'odd', 'removal'),
      }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(records, async (all) => {
        const texts = all.map(({ id, type, balance, kind }) =>
          JSON.stringify(
            kind === 'removal'
              ? removal(id, type)
              : { ...member(id, balance, type), ...(kind === 'odd' && { x: 1 }) },
          ),
        );
        const [batch] = (await readerOf(texts, false)).batches as [Batch];
        const last = [...new Map(all.map((one) => [`${one.id} ${one.type}`, one])).values()];
        const rows = JSON.parse(unpackText(batch.rows).toString()) as unknown[][];
        const [onlyType] = batch.pointsTypes;
        assert.deepEqual(
          rows.map(([id, , balance, , type = onlyType]) => [id, balance, type]),
          last
            .filter(({ kind }) => kind !== 'removal')
            .map(({ id, balance, type }) => [id, 10_000 * balance, type]),
        );
        assert.deepEqual(
          JSON.parse(batch.removals),
          last.filter(({ kind }) => kind === 'removal').map(({ id, type }) => [id, type]),
        );
      }),
    );
  });
});

async function plainOf(records: string[], ndjson: boolean): Promise<number> {
  return (await readerOf(records, ndjson)).reader.plain;
}

async function readerOf(
  records: string[],
  ndjson: boolean,
): Promise<{ reader: BodyReader; batches: Batch[] }> {
  const format = {
    ndjson,
    gzip: false,
    hashed: false,
    type: 'points-balances',
    expectedTotal: 0,
    maxRecords: MANY,
    maxBodyBytes: 1e9,
    maxRejects: 0,
  };
  const reader = new BodyReader(format);
  const body = Buffer.from(ndjson ? records.join('\n') : `[${records.join(',')}]`);
  const batches: Batch[] = [];
  for (let at = 0; at < body.length; at += 65_536) {
    batches.push(...(await reader.write(body.subarray(at, at + 65_536))));
  }
  batches.push(...(await reader.end()).batches);
  return { reader, batches };
}
