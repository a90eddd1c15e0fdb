import { createHash, type Hash } from 'node:crypto';
import type { Batch } from '../domain/batch.ts';
import { SyncError } from '../domain/errors.ts';
import { jobTypeNamed } from '../jobTypes/jobTypes.ts';
import { pointsBalances } from '../jobTypes/pointsBalances.ts';
import { BatchBuilder } from './batchBuilder.ts';
import { GzipReader } from './gzipReader.ts';
import type { UploadFormat, WholeBody } from './intake.ts';
import { JsonArrayReader } from './jsonArrayReader.ts';
import { NdjsonReader } from './ndjsonReader.ts';
import { ShortWay } from './shortWay.ts';

/** From the bytes of one body to batches: decompress, count, parse, check. */
export class BodyReader {
  readonly #format: UploadFormat;
  readonly #builder: BatchBuilder;
  readonly #records: JsonArrayReader | NdjsonReader;
  readonly #gzip: GzipReader | undefined;
  readonly #hash: Hash | undefined;
  #bytes = 0;

  constructor(format: UploadFormat) {
    this.#format = format;
    const type = jobTypeNamed(format.type);
    this.#builder = new BatchBuilder({ ...format, type });
    this.#hash = format.hashed ? createHash('sha256') : undefined;
    const Reader = format.ndjson ? NdjsonReader : JsonArrayReader;
    this.#records = new Reader(
      (record) => this.#add(record),
      type === pointsBalances ? new ShortWay(this.#builder, format) : undefined,
    );
    this.#gzip = format.gzip ? new GzipReader((text) => this.#read(text)) : undefined;
  }

  /** Records so far that took the short way. */
  get plain(): number {
    return this.#builder.plain;
  }

  async write(chunk: Buffer): Promise<Batch[]> {
    if (this.#gzip) await this.#gzip.write(chunk);
    else this.#read(chunk);
    return this.#builder.take();
  }

  async end(): Promise<WholeBody> {
    await this.#gzip?.end();
    this.#records.end();
    const batches = this.#builder.end();
    if (this.#builder.total === 0) {
      throw new SyncError('EMPTY_ARRAY', 'There is no record in the body: send at least one.');
    }
    return { batches, total: this.#builder.total, hash: this.#hash?.digest() };
  }

  /** Gives the memory back, instead of leaving it to the collector: many small bodies may come one after the other. */
  close(): void {
    this.#gzip?.close();
    this.#records.close();
    this.#builder.close();
  }

  #read(text: Buffer): void {
    this.#bytes += text.length;
    if (this.#bytes > this.#format.maxBodyBytes) {
      const limit = `${this.#format.maxBodyBytes} bytes`;
      throw new SyncError(
        'BODY_TOO_LARGE',
        `The body is larger than ${limit}: send fewer records in one request.`,
      );
    }
    this.#hash?.update(text);
    this.#records.write(text);
  }

  #add(record: unknown): void {
    if (this.#builder.total >= this.#format.maxRecords) {
      const limit = `${this.#format.maxRecords} records`;
      throw new SyncError(
        'TOO_MANY_RECORDS',
        `The body has more than ${limit}: send them in several requests.`,
      );
    }
    this.#builder.add(record);
  }
}
