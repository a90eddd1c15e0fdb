import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Batch } from '../../src/domain/batch.ts';
import { SyncError } from '../../src/domain/errors.ts';
import { BatchBuilder } from '../../src/intake/batchBuilder.ts';
import { BodyReader } from '../../src/intake/bodyReader.ts';
import type { UploadFormat } from '../../src/intake/intake.ts';
import { JsonArrayReader } from '../../src/intake/jsonArrayReader.ts';
import { NdjsonReader } from '../../src/intake/ndjsonReader.ts';
import { pointsBalances } from '../../src/jobTypes/pointsBalances.ts';
import { type RecordText, recordTexts } from '../support/oddRecords.ts';

const FORMAT: UploadFormat = {
  type: 'points-balances',
  ndjson: false,
  gzip: false,
  hashed: false,
  expectedTotal: 0,
  maxRecords: 1_000_000,
  maxBodyBytes: 100_000_000,
  maxRejects: 20,
};

/** What one reading of a body gave: the batches of each write and of the end, and how it ended. */
interface Course {
  batches: Batch[][];
  outcome: string;
}

interface Reading {
  format: UploadFormat;
  sizes: number[];
}

const SPACE_IN_ARRAY = ['', '', '', '', ' ', '\n', '\t', '\r\n  ', '\f'];
const SPACE_IN_LINE = ['', '', '', '', ' ', '\t', '\r', '\n', '\u00a0'];

function bodies(ndjson: boolean) {
  return fc.record({
    records: fc.array(recordTexts(ndjson ? SPACE_IN_LINE.slice(0, 7) : SPACE_IN_ARRAY.slice(0, 8)), {
      minLength: 1,
      maxLength: 40,
    }),
    /** More than one makes a body of several pieces. */
    rounds: fc.constantFrom(1, 1, 20, 150),
    members: fc.constantFrom(3, 1_000_000),
    sizes: fc.oneof(
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 20_000, max: 300_000 }), { minLength: 1, maxLength: 4 }),
      fc.constant<number[]>([64 * 1024]),
    ),
    mayRead: fc.constantFrom(1_000_000, 1_000_000, 1_000_000, 5, 100, 700),
  });
}

function textOf(
  records: RecordText[],
  { ndjson, rounds, members }: { ndjson: boolean; rounds: number; members: number },
): string {
  const texts: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const record of records) texts.push(record(1 + (texts.length % members)));
  }
  return ndjson ? `${texts.join('\n')}\n` : `[${texts.join(',')}]`;
}

for (const ndjson of [false, true]) {
  describe(`The short way of a plain record in ${ndjson ? 'NDJSON' : 'an array'}`, () => {
    it('gives the very batches of the long way, whatever is in the records', async () => {
      await fc.assert(
        fc.asyncProperty(bodies(ndjson), async ({ records, rounds, members, sizes, mayRead }) => {
          const body = Buffer.from(textOf(records, { ndjson, rounds, members }));
          await agree(body, { format: { ...FORMAT, ndjson, maxRecords: mayRead }, sizes });
        }),
        { numRuns: 150 },
      );
    });

    it('ends as the long way does, whatever is wrong with the bytes', async () => {
      const wrongs = fc.array(
        fc.record({
          place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
          byte: fc.oneof(
            fc.constantFrom(...Buffer.from('",:{}[]\\ \n0-.e@x')),
            fc.integer({ min: 0, max: 255 }),
          ),
        }),
        { minLength: 1, maxLength: 3 },
      );
      const cases = fc.record({
        body: bodies(ndjson),
        wrongs,
        cut: fc.constantFrom(0, 0, 0, 1, 2, 30),
        more: fc.constantFrom('', '', '', ']', ',', '{}', ',]', '\n7'),
      });
      await fc.assert(
        fc.asyncProperty(cases, async ({ body, wrongs, cut, more }) => {
          const bytes = Buffer.from(textOf(body.records, { ndjson, ...body }) + more);
          for (const { place, byte } of wrongs) bytes[Math.floor(place * bytes.length)] = byte;
          const format = { ...FORMAT, ndjson, maxRecords: body.mayRead };
          // Something stays: of no byte at all, the one way is asked once and the other not at all.
          const end = Math.max(1, bytes.length - cut);
          await agree(bytes.subarray(0, end), { format, sizes: body.sizes });
        }),
        { numRuns: 300 },
      );
    });

    it('gives the same from gzip', async () => {
      await fc.assert(
        fc.asyncProperty(bodies(ndjson), async ({ records, rounds, members }) => {
          const body = Buffer.from(textOf(records, { ndjson, rounds, members }));
          const format = { ...FORMAT, ndjson };
          const packed = await courseOf(gzipSync(body), { format: { ...format, gzip: true }, sizes: [700] });
          const long = longCourseOf(body, { format, sizes: [64 * 1024] });
          assert.deepEqual([packed.batches.flat(), packed.outcome], [long.batches.flat(), long.outcome]);
        }),
        { numRuns: 20 },
      );
    });
  });
}

async function agree(body: Buffer, reading: Reading): Promise<void> {
  assert.deepEqual(await courseOf(body, reading), longCourseOf(body, reading));
}

async function courseOf(body: Buffer, { format, sizes }: Reading): Promise<Course> {
  const reader = new BodyReader(format);
  const batches: Batch[][] = [];
  try {
    for (const chunk of chunksOf(body, sizes)) batches.push(await reader.write(chunk));
    const whole = await reader.end();
    batches.push(whole.batches);
    return { batches, outcome: String(whole.total) };
  } catch (error) {
    return { batches, outcome: nameOf(error) };
  } finally {
    reader.close();
  }
}

/** The long way: every record is parsed by the engine and read by the rules. */
function longCourseOf(body: Buffer, { format, sizes }: Reading): Course {
  const builder = new BatchBuilder({ ...format, type: pointsBalances });
  const Reader = format.ndjson ? NdjsonReader : JsonArrayReader;
  const reader = new Reader((record) => {
    if (builder.total >= format.maxRecords)
      throw new SyncError(
        'TOO_MANY_RECORDS',
        `The body has more than ${format.maxRecords} records: send them in several requests.`,
      );
    builder.add(record);
  });
  const batches: Batch[][] = [];
  try {
    for (const chunk of chunksOf(body, sizes)) {
      reader.write(chunk);
      batches.push(builder.take());
    }
    reader.end();
    batches.push(builder.end());
    if (builder.total === 0)
      throw new SyncError('EMPTY_ARRAY', 'There is no record in the body: send at least one.');
    return { batches, outcome: String(builder.total) };
  } catch (error) {
    return { batches, outcome: nameOf(error) };
  }
}

function* chunksOf(body: Buffer, sizes: number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number;
    yield body.subarray(at, at + size);
    at += size;
  }
}

function nameOf(error: unknown): string {
  if (error instanceof SyncError) return `${error.code}: ${error.message}`;
  throw error;
}
