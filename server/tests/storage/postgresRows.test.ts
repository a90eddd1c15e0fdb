import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { columnsOf } from '../../src/storage/postgresRows.ts';
import { PostgresServer } from '../support/postgresServer.ts';

/** Digits come back as text, so that none gets lost. */
const COLUMNS = `
  SELECT unnest($1::bigint[])::text AS id, unnest($2::text[]) AS email, unnest($3::bigint[])::text AS balance,
    unnest($4::bigint[])::text AS checksum, unnest($5::text[]) AS type`;

describe('rows of batches, as PostgreSQL reads them', () => {
  let server: PostgresServer;
  let client: pg.Client;
  before(async () => {
    server = await PostgresServer.start();
    client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await server.remove();
  });

  const read = async (texts: string[], rowCount: number, withTypes: boolean) => {
    const columns = columnsOf(
      texts.map((text) => Buffer.from(text)),
      { rowCount, withTypes },
    );
    const { userIds, emails, balances, checksums, pointsTypes } = columns;
    const values = [userIds, emails, balances, checksums, pointsTypes];
    const { rows } = await client.query<Record<string, string>>(COLUMNS, values);
    return rows.map(({ id, email, balance, checksum, type }) => [id, email, balance, checksum, type]);
  };

  test('have every number to its last digit', async () => {
    const balances = ['0', '-1', '12500', '-4294967296', '999999999999999', '-9007199254740993'];
    const all = [...balances, '9223372036854775807', '-9223372036854775808'];
    const text = `[${all.map((balance) => `[9007199254740991,"a@b.c",${balance},4294967295]`).join(',')}]`;
    const rows = await read([text], all.length, false);
    const row = (balance: string) => ['9007199254740991', 'a@b.c', balance, '4294967295', null];
    assert.deepEqual(rows, all.map(row));
  });

  test('have every text as it was, escaped or not', async () => {
    const emails = [
      'a@b.c',
      'é@b.c',
      '😀@b.c',
      '"a"@b.c',
      'a\\@b.c',
      '{},[]@b.c',
      "o'neil@b.c",
      'a\u0085@b.c',
      '',
    ];
    const rows = emails.map((email, at) => [at + 1, email, 1, 2, at % 2 === 0 ? 'points' : `"${email}"`]);
    const escaped = JSON.stringify(rows).replaceAll('é', '\\u00e9').replaceAll('😀', '\\ud83d\\ude00');
    for (const text of [JSON.stringify(rows), escaped]) {
      const found = await read([text], rows.length, true);
      assert.deepEqual(
        found.map(([, email, , , type]) => [email, type]),
        rows.map(([, email, , , type]) => [email, type]),
      );
    }
  });

  test('stand one behind the other, where they come from several batches', async () => {
    const rows = await read(['[[1,"a@b.c",1,1]]', '[]', '[[2,"a@b.c",2,2],[3,"a@b.c",3,3]]'], 3, false);
    assert.deepEqual(
      rows.map(([id]) => id),
      ['1', '2', '3'],
    );
  });

  test('are refused where they are not what the intake writes', () => {
    const broken = [
      '',
      '[',
      '[[1,"a@b.c",1,1]',
      '[[1,"a@b.c",1]]',
      '[[1,"a@b.c,1,1]]',
      '[[1,"a",,1]]',
      '[[x,"a",1,1]]',
    ];
    for (const text of broken) {
      const reading = () => columnsOf([Buffer.from(text)], { rowCount: 1, withTypes: false });
      assert.throws(reading, /can't be read at byte/, text);
    }
  });
});
