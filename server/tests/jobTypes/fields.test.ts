import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isReject } from '../../src/domain/reject.ts';
import { readRecord } from '../../src/jobTypes/jobType.ts';
import { JOB_TYPES, jobTypeNamed, tableNamed } from '../../src/jobTypes/jobTypes.ts';

const EVENT = {
  external_event_id: 'wc-1',
  wp_user_id: 42,
  email: 'a@shop.example',
  points_delta: 10,
  event_type: 'order-placed',
  created_at: '2026-11-24T09:21:53Z',
};
const USER = { wp_user_id: 42, email: 'a@shop.example' };
const AT = Date.parse('2026-11-24T09:21:53Z');

const TIMES: Record<string, number> = {
  '2026-11-24T09:21:53Z': AT,
  '2026-11-24 09:21:53': AT,
  '2026-11-24T09:21:53': AT,
  '2026-11-24 09:21:53.123456': AT + 123,
  '2026-11-24T09:21Z': AT - 53_000,
  '2026-11-24T10:21:53+01:00': AT,
  '2026-11-24T10:21:53+0100': AT,
  '2026-11-23T23:51:53-09:30': AT,
  '2024-02-29 00:00:00': Date.parse('2024-02-29T00:00:00Z'),
  '1969-12-31 23:59:59': -1000,
};

const ACCEPTED: [type: string, change: object, field: string, read: unknown][] = [
  ...Object.entries(TIMES).map(([created_at, read]): (typeof ACCEPTED)[number] => [
    'points-events',
    { created_at },
    'created_at',
    read,
  ]),
  ['points-events', { external_event_id: '☂'.repeat(191) }, 'external_event_id', '☂'.repeat(191)],
  ['points-events', { wp_user_id: '00042.0' }, 'wp_user_id', 42],
  ['points-events', { points_delta: '-0.0001' }, 'points_delta', '-1'],
  ['points-events', { points_delta: -0.5 }, 'points_delta', -5_000],
  ['points-events', { points_delta: 0 }, 'points_delta', 0],
  ['points-events', { points_delta: '922337203685477.5807' }, 'points_delta', String(2n ** 63n - 1n)],
  ['points-events', { source: 'x'.repeat(64) }, 'source', 'x'.repeat(64)],
  ['points-events', { source: null }, 'source', null],
  ['points-events', { order_id: '9007199254740991' }, 'order_id', 9007199254740991],
  ['points-events', { order_id: '' }, 'order_id', null],
  ['users', { phone: '+'.repeat(32) }, 'phone', '+'.repeat(32)],
  ['users', {}, 'whatsapp', null],
  ...['pt_BR', 'de_DE_formal', 'ckb', 'en-GB', 'pt_PT_ao90', 'zh_Hant_TW'].map(
    (locale): (typeof ACCEPTED)[number] => ['users', { locale }, 'locale', locale],
  ),
  ...['Europe/Lisbon', 'UTC', 'Asia/Calcutta', 'America/Argentina/Buenos_Aires', '+02:00', '-12:00', '+14:00']
    .concat(['+05:45', 'UTC+5.5', 'UTC-3', 'Etc/GMT+5'])
    .map((timezone): (typeof ACCEPTED)[number] => ['users', { timezone }, 'timezone', timezone]),
];

const BAD: [type: string, change: object, code: string][] = [
  ...[undefined, null, ''].map((it): (typeof BAD)[number] => [
    'points-events',
    { external_event_id: it },
    'EXTERNAL_EVENT_ID_MISSING',
  ]),
  ...[7, 'x'.repeat(192), 'a\nb', 'a\0', '\ud800', {}].map((it): (typeof BAD)[number] => [
    'points-events',
    { external_event_id: it },
    'EXTERNAL_EVENT_ID_INVALID',
  ]),
  ['points-events', { wp_user_id: undefined }, 'WP_USER_ID_MISSING'],
  ['points-events', { wp_user_id: 0 }, 'WP_USER_ID_INVALID'],
  ['points-events', { email: null }, 'EMAIL_MISSING'],
  ['points-events', { email: 'a@shop' }, 'EMAIL_INVALID'],
  ['points-events', { points_delta: undefined }, 'POINTS_DELTA_MISSING'],
  ['points-events', { points_delta: true }, 'POINTS_DELTA_NOT_A_NUMBER'],
  ['points-events', { points_delta: '1,5' }, 'POINTS_DELTA_NOT_A_NUMBER'],
  ['points-events', { points_delta: 0.00001 }, 'POINTS_DELTA_TOO_MANY_DECIMALS'],
  ['points-events', { points_delta: '922337203685477.5808' }, 'POINTS_DELTA_OUT_OF_RANGE'],
  ['points-events', { event_type: '' }, 'EVENT_TYPE_MISSING'],
  ['points-events', { event_type: 'x'.repeat(65) }, 'EVENT_TYPE_INVALID'],
  ['points-events', { source: 5 }, 'SOURCE_INVALID'],
  ...[0, -1, 1.5, 'wc-5', 2 ** 53].map((order_id): (typeof BAD)[number] => [
    'points-events',
    { order_id },
    'ORDER_ID_INVALID',
  ]),
  ['points-events', { created_at: null }, 'CREATED_AT_MISSING'],
  ...['2026-02-29 00:00:00', '0000-00-00 00:00:00', '2026-11-24', '2026-11-24T24:00:00Z', 'yesterday']
    .concat(['2026-11-24T09:21:60Z', '2026-11-24T09:21:53+25:00', '1764000000', '24.11.2026 09:21'])
    .map((created_at): (typeof BAD)[number] => ['points-events', { created_at }, 'CREATED_AT_INVALID']),
  ['points-events', { created_at: 1764000000 }, 'CREATED_AT_INVALID'],
  ['points-events', { deleted: true }, 'DELETED_INVALID'],
  ['users', { deleted: true }, 'DELETED_INVALID'],
  ['users', { phone: '+'.repeat(33) }, 'PHONE_INVALID'],
  ['users', { phone: 491234 }, 'PHONE_INVALID'],
  ['users', { whatsapp: 'a\u007f' }, 'WHATSAPP_INVALID'],
  ...['p', 'pt_', 'pt BR', 'portuguese', '_BR'].map((locale): (typeof BAD)[number] => [
    'users',
    { locale },
    'LOCALE_INVALID',
  ]),
  ...['Europe/Nowhere', '+15:00', '-13:00', '+2', '+02:60', 'UTC+15', '2', 'Lisbon time'].map(
    (timezone): (typeof BAD)[number] => ['users', { timezone }, 'TIMEZONE_INVALID'],
  ),
];

describe('A record of a type with a table', () => {
  for (const [type, change, field, expected] of ACCEPTED) {
    it(`of ${type} is read with ${shortly(change)}`, () => {
      const table = tableNamed(type);
      const row = readRecord(table, { ...good(type), ...change });
      assert.ok(!isReject(row), JSON.stringify(row));
      assert.deepEqual(row[Object.keys(table.fields).indexOf(field)], expected);
      assert.equal(JSON.parse(JSON.stringify(row)).length, Object.keys(table.fields).length);
    });
  }

  for (const [type, change, code] of BAD) {
    it(`of ${type} is rejected as ${code} with ${shortly(change)}`, () => {
      const reject = readRecord(tableNamed(type), { ...good(type), ...change });
      assert.ok(isReject(reject), JSON.stringify(reject));
      assert.equal(reject.code, code);
      assert.equal(reject.wpUserId, code.startsWith('WP_USER_ID') ? null : 42);
      assert.match(reject.message, /^[a-z_]+ .*\.$/);
    });
  }

  for (const record of [7, 'x', null, true, []]) {
    it(`is no ${JSON.stringify(record)}`, () => {
      const reject = readRecord(tableNamed('users'), record);
      assert.deepEqual(reject, {
        wpUserId: null,
        code: 'RECORD_NOT_AN_OBJECT',
        message: 'A record must be an object with wp_user_id, email.',
      });
    });
  }
});

describe('Every code of a type', () => {
  it('is in its list, and has an example here where the type has a table', () => {
    const seen = new Set(BAD.map(([, , code]) => code));
    for (const { name, rejectCodes, table } of JOB_TYPES) {
      if (table === null) continue;
      for (const [type, , code] of BAD) if (type === name) assert.ok(rejectCodes.includes(code), code);
      for (const code of rejectCodes)
        assert.ok(seen.has(code) || code === 'RECORD_NOT_AN_OBJECT', `${code} has no example`);
    }
  });
});

describe('The list of types', () => {
  it('has each name once, and a type by its older names', () => {
    const names = JOB_TYPES.flatMap(({ name, olderNames }) => [name, ...olderNames]);
    assert.equal(new Set(names).size, names.length);
    assert.equal(jobTypeNamed('points-changes'), jobTypeNamed('points-events'));
    assert.throws(() => jobTypeNamed('toString'), { code: 'TYPE_NOT_FOUND' });
  });
});

function good(type: string): object {
  return type === 'users' ? USER : EVENT;
}

function shortly(change: object): string {
  return JSON.stringify(change).slice(0, 70);
}
