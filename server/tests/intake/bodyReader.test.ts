import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Batch } from '../../src/domain/batch.ts';
import { SyncError } from '../../src/domain/errors.ts';
import { unpackText } from '../../src/domain/packedText.ts';
import { BodyReader } from '../../src/intake/bodyReader.ts';
import type { UploadFormat } from '../../src/intake/intake.ts';

const FORMAT: UploadFormat = {
  type: 'points-balances',
  ndjson: false,
  gzip: false,
  hashed: false,
  expectedTotal: 0,
  maxRecords: 1_000_000,
  maxBodyBytes: 100_000_000,
  maxRejects: 1_000,
};
const MEGABYTE = 1_000_000;

describe('The records of a body', () => {
  it('come in batches with exact balances', async () => {
    const { batches, total } = await read(
      `[{"wp_user_id":1,"email":"a@shop.example","points_balance":922337203685477.5807},
        {"wp_user_id":2,"email":"b@shop.example","points_balance":"12.300000","points_type":"gems"},
        {"wp_user_id":3,"deleted":true},
        {"wp_user_id":"4","email":"d@shop.example","points_balance":-1e3},
        {"wp_user_id":9007199254740993,"email":"e@shop.example","points_balance":1},
        {"wp_user_id":6,"email":"f@shop.example","points_balance":1e400},
        7]`,
    );
    assert.equal(total, 7);
    assert.equal(batches.length, 1);
    const [batch] = batches as [Batch];
    // As text: parsed, the largest balance would lose its last digits.
    assert.equal(
      rowText(batch),
      `[[1,"a@shop.example",9223372036854775807,2820089257,"points"],[2,"b@shop.example",123000,3807250584,"gems"],[4,"d@shop.example",-10000000,3008923975,"points"]]`,
    );
    assert.equal(batch.removals, '[[3,"points"]]');
    assert.deepEqual(
      [batch.count, batch.rowCount, batch.removalCount, batch.minUserId, batch.maxUserId, batch.pointsTypes],
      [7, 3, 1, 1, 4, ['points', 'gems']],
    );
    assert.deepEqual(
      batch.rejects.map(({ index, code, wpUserId }) => [index, code, wpUserId]),
      [
        [4, 'WP_USER_ID_INVALID', null],
        [5, 'BALANCE_OUT_OF_RANGE', 6],
        [6, 'RECORD_NOT_AN_OBJECT', null],
      ],
    );
  });

  it('may have every id up to 9007199254740991, as number and as text', async () => {
    const { batches } = await read(
      `[{"wp_user_id":9007199254740991,"email":"a@shop.example","points_balance":1},
        {"wp_user_id":"9007199254740990","email":"a@shop.example","points_balance":1}]`,
    );
    assert.deepEqual(batches[0]?.rejects, []);
    assert.equal(batches[0]?.rowCount, 2);
  });

  it('stand once a member and type in a batch: the last one', async () => {
    const { batches } = await read([
      { wp_user_id: 2, email: 'old@shop.example', points_balance: 1 },
      { wp_user_id: 1, email: 'a@shop.example', points_balance: 5 },
      { wp_user_id: 2, email: 'gems@shop.example', points_balance: 7, points_type: 'gems' },
      { wp_user_id: 1, deleted: true },
      { wp_user_id: 2, email: 'new@shop.example', points_balance: 3 },
    ]);
    const [batch] = batches as [Batch];
    assert.equal(batch.count, 5);
    assert.deepEqual(rowsOf(batch).sort(), [
      [2, 'gems@shop.example', 70_000, 'gems'],
      [2, 'new@shop.example', 30_000, 'points'],
    ]);
    assert.equal(batch.removals, '[[1,"points"]]');
  });

  it('are all settled, whatever repeats, and the last of a member and type stands', async () => {
    const records = fc.array(
      fc.record({
        wp_user_id: fc.integer({ min: 1, max: 8 }),
        points_type: fc.constantFrom('points', 'gems'),
        points_balance: fc.integer(),
        deleted: fc.boolean(),
        email: fc.constant('a@shop.example'),
      }),
      { minLength: 1, maxLength: 50 },
    );
    await fc.assert(
      fc.asyncProperty(records, async (all) => {
        const { batches } = await read(all);
        const [batch] = batches as [Batch];
        const last = new Map(all.map((one) => [`${one.wp_user_id} ${one.points_type}`, one]));
        const kept = [...last.values()].filter(({ deleted }) => !deleted);
        assert.equal(batch.count, all.length);
        assert.equal(batch.rowCount, kept.length);
        assert.equal(batch.removalCount, last.size - kept.length);
        assert.deepEqual(
          new Set(rowsOf(batch).map(([id, , balance, type]) => `${id} ${type} ${balance}`)),
          new Set(kept.map((one) => `${one.wp_user_id} ${one.points_type} ${one.points_balance * 10_000}`)),
        );
      }),
    );
  });

  it('are refused with EMPTY_ARRAY when there are none', async () => {
    await refused(read('[]'), 'EMPTY_ARRAY');
    await refused(read(' [ ] '), 'EMPTY_ARRAY');
  });

  it('may be as many as the limit says, and not one more', async () => {
    const format = { ...FORMAT, maxRecords: 3 };
    assert.equal((await read([1, 2, 3], { format })).total, 3);
    await refused(read([1, 2, 3, 4], { format }), 'TOO_MANY_RECORDS');
  });

  it('may be as long as the limit says, and not one byte more', async () => {
    const body = '[{"wp_user_id":1}]';
    assert.equal((await read(body, { format: { ...FORMAT, maxBodyBytes: body.length } })).total, 1);
    await refused(read(body, { format: { ...FORMAT, maxBodyBytes: body.length - 1 } }), 'BODY_TOO_LARGE');
  });
});

// A gzip that breaks must be answered: a reader that waits for ever would keep the request open for ever.
describe('A body in gzip', () => {
  const format = { ...FORMAT, gzip: true };
  const records = Array.from({ length: 2_000 }, (_, at) => ({
    wp_user_id: at + 1,
    email: `${(at * 7_919).toString(36)}@shop.example`,
    points_balance: at,
  }));
  const packed = gzipSync(JSON.stringify(records));

  it('is read in order when a chunk is handed in before the one ahead of it is through', async () => {
    const expected = await read(records);
    const reader = new BodyReader(format);
    const writes: Promise<Batch[]>[] = [];
    for (let at = 0; at < packed.length; at += 5_000)
      writes.push(reader.write(packed.subarray(at, at + 5_000)));
    assert.ok(writes.length > 2);
    const batches = (await Promise.all(writes)).flat();
    const last = await reader.end();
    assert.deepEqual({ batches: [...batches, ...last.batches], total: last.total }, expected);
  });

  it('gives the same records, however the bytes are cut into chunks', async () => {
    const expected = await read(records);
    const sizes = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        assert.deepEqual(await read(packed, { format, sizes: size }), expected);
      }),
      { numRuns: 15 },
    );
  });

  it('may come byte by byte', async () => {
    const body = gzipSync('[{"wp_user_id":1}]');
    assert.equal((await read(body, { format, sizes: [1] })).total, 1);
  });

  it('may have several members', async () => {
    const body = Buffer.concat([gzipSync('[{"wp_user'), gzipSync('_id":1}]')]);
    assert.equal((await read(body, { format, sizes: [5] })).total, 1);
  });

  const broken = Buffer.from(packed);
  broken.fill(0xff, 2_000, 2_400);
  const wrongSum = Buffer.from(packed);
  wrongSum[packed.length - 6] = (wrongSum[packed.length - 6] as number) ^ 1;
  const BROKEN: [what: string, body: Buffer][] = [
    ['text that is no gzip', Buffer.from(JSON.stringify(records))],
    ['no bytes at all', Buffer.alloc(0)],
    ['gzip without its end', packed.subarray(0, packed.length - 20)],
    ['gzip without its last byte', packed.subarray(0, packed.length - 1)],
    ['gzip with a wrong checksum', wrongSum],
    ['gzip broken in the middle', broken],
    ['gzip with something behind it', Buffer.concat([packed, Buffer.from('<html>')])],
  ];

  for (const [what, body] of BROKEN) {
    for (const size of [1, 700, 65_536]) {
      it(`is refused as BROKEN_GZIP when it is ${what}, in chunks of ${size}`, async () => {
        await refused(inTime(read(body, { format, sizes: [size] })), 'BROKEN_GZIP');
      });
    }
  }

  it('is refused when it unpacks to far more than records do, also in small records', async () => {
    const bomb = gzipSync(`[${'{"email":"x"},'.repeat(3_000_000)}{}]`, { level: 9 });
    await refused(read(bomb, { format: { ...format, maxRecords: 10_000_000 } }), 'BODY_TOO_LARGE');
  });

  it('may be small and packed very well', async () => {
    const body = gzipSync(`[${'{},'.repeat(90_000)}{}]`, { level: 9 });
    assert.ok(body.length < 1_000);
    assert.equal((await read(body, { format })).total, 90_001);
  });

  it('is refused by its size once unpacked, long before a bomb has gone off', async () => {
    const line = `{"email":"${'x'.repeat(990)}"},`;
    const bomb = gzipSync(`[${line.repeat(100_000)}{}]`);
    assert.ok(bomb.length < 0.3 * MEGABYTE);
    const before = process.memoryUsage().arrayBuffers;
    await refused(read(bomb, { format: { ...format, maxBodyBytes: 2 * MEGABYTE } }), 'BODY_TOO_LARGE');
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 40 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB were unpacked`);
  });
});

function rowText({ rows }: Batch): string {
  return unpackText(rows).toString();
}

/** The rows of a batch: member, address, balance and type of points. */
function rowsOf(batch: Batch): unknown[][] {
  const [onlyType] = batch.pointsTypes;
  return (JSON.parse(rowText(batch)) as unknown[][]).map(
    ([id, email, balance, _checksum, type = onlyType]) => [id, email, balance, type],
  );
}

interface Reading {
  format?: UploadFormat;
  sizes?: number[];
}

async function read(
  body: string | Buffer | unknown[],
  { format = FORMAT, sizes = [64 * 1024] }: Reading = {},
): Promise<{ batches: Batch[]; total: number }> {
  const bytes = Array.isArray(body) ? Buffer.from(JSON.stringify(body)) : Buffer.from(body as string);
  const reader = new BodyReader(format);
  const batches: Batch[] = [];
  try {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] as number;
      batches.push(...(await reader.write(bytes.subarray(at, at + size))));
      at += size;
    }
    const last = await reader.end();
    return { batches: [...batches, ...last.batches], total: last.total };
  } finally {
    reader.close();
  }
}

async function refused(reading: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(reading, (error) => {
    assert.ok(error instanceof SyncError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

/** A reading that never settles becomes an error. */
async function inTime<Result>(reading: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The reader never answered.')), 2_000);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
