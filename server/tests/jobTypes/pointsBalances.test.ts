import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PointsBalance } from '../../src/domain/pointsBalance.ts';
import { isReject } from '../../src/domain/reject.ts';
import { pointsBalances, readPointsBalance } from '../../src/jobTypes/pointsBalances.ts';

const GOOD = { wp_user_id: 42, email: 'a@shop.example', points_balance: 1250 };
const READ: PointsBalance = {
  wpUserId: 42,
  email: 'a@shop.example',
  pointsType: 'points',
  tenThousandths: 12_500_000,
};

const ACCEPTED: [what: string, change: object, read: Partial<PointsBalance>][] = [
  ['a plain record', {}, {}],
  [
    'numbers as texts, as MySQL gives them',
    textNumbers('42', '1250.000000'),
    { tenThousandths: 12_500_000n },
  ],
  ['a negative balance', { points_balance: -5 }, { tenThousandths: -50_000 }],
  ['a balance of 0', { points_balance: 0 }, { tenThousandths: 0 }],
  ['4 decimals', { points_balance: 0.0001 }, { tenThousandths: 1 }],
  ['a balance with an exponent', { points_balance: '1e3' }, { tenThousandths: 10_000_000n }],
  ['the largest balance', { points_balance: '922337203685477.5807' }, { tenThousandths: 2n ** 63n - 1n }],
  ['the largest id', { wp_user_id: 9007199254740991 }, { wpUserId: 9007199254740991 }],
  ['the largest id as text', { wp_user_id: '9007199254740991' }, { wpUserId: 9007199254740991 }],
  ['an address of 254 characters', { email: longEmail(254) }, { email: longEmail(254) }],
  ['an international address', { email: 'jörg@müller.example' }, { email: 'jörg@müller.example' }],
  ['an address with a plus sign', { email: 'a+b@shop.example' }, { email: 'a+b@shop.example' }],
  ['another type of points', { points_type: 'gems' }, { pointsType: 'gems' }],
  ['a type of points of 64 characters', { points_type: 'x'.repeat(64) }, { pointsType: 'x'.repeat(64) }],
  ['a type of points that is null', { points_type: null }, {}],
  ['unknown fields, which say nothing', { name: 'A', roles: ['x'] }, {}],
  ['deleted: false', { deleted: false }, {}],
  ['deleted: null', { deleted: null }, {}],
];

const BAD: [what: string, record: unknown, code: string, wpUserId: number | null][] = [
  ['a number', 7, 'RECORD_NOT_AN_OBJECT', null],
  ['a text', 'x', 'RECORD_NOT_AN_OBJECT', null],
  ['null', null, 'RECORD_NOT_AN_OBJECT', null],
  ['true', true, 'RECORD_NOT_AN_OBJECT', null],
  ['an array', [GOOD], 'RECORD_NOT_AN_OBJECT', null],
  ['an empty object', {}, 'WP_USER_ID_MISSING', null],
  ['an id that is null', { ...GOOD, wp_user_id: null }, 'WP_USER_ID_MISSING', null],
  ...[0, -1, 42.5, 2 ** 53, 1e300, 'x', '', '0', '-3', '4.5', ' 42', true, [], {}].map(
    (id): (typeof BAD)[number] => [
      `the id ${JSON.stringify(id)}`,
      { ...GOOD, wp_user_id: id },
      'WP_USER_ID_INVALID',
      null,
    ],
  ),
  ['no e-mail', { ...GOOD, email: undefined }, 'EMAIL_MISSING', 42],
  ['an empty e-mail', { ...GOOD, email: '' }, 'EMAIL_MISSING', 42],
  ['an e-mail that is null', { ...GOOD, email: null }, 'EMAIL_MISSING', 42],
  ...[
    'a',
    'a@',
    '@b.c',
    'a@b',
    'a b@c.d',
    'a@b..c',
    'a@b.c.',
    'a@@b.c',
    'a@b.c\n',
    'a\u0000@b.c',
    'a\ud800@b.c',
    longEmail(255),
    7,
    ['a@b.c'],
  ].map((email): (typeof BAD)[number] => [
    `the e-mail ${JSON.stringify(email).slice(0, 20)}`,
    { ...GOOD, email },
    'EMAIL_INVALID',
    42,
  ]),
  ...['', 'x'.repeat(65), 'a\u0007b', '\ud800', 7, []].map((type): (typeof BAD)[number] => [
    `the type of points ${JSON.stringify(type).slice(0, 20)}`,
    { ...GOOD, points_type: type },
    'POINTS_TYPE_INVALID',
    42,
  ]),
  ['no balance', { ...GOOD, points_balance: undefined }, 'BALANCE_MISSING', 42],
  ...[null, Number.NaN, 'NaN', 'ten', '', '12,5', ' 5', true, [5], {}].map(
    (balance): (typeof BAD)[number] => [
      `the balance ${JSON.stringify(balance)}`,
      { ...GOOD, points_balance: balance },
      'BALANCE_NOT_A_NUMBER',
      42,
    ],
  ),
  ['5 decimals', { ...GOOD, points_balance: 0.00001 }, 'BALANCE_TOO_MANY_DECIMALS', 42],
  ['5 decimals as text', { ...GOOD, points_balance: '12.34567' }, 'BALANCE_TOO_MANY_DECIMALS', 42],
  ['1e400', { ...GOOD, points_balance: '1e400' }, 'BALANCE_OUT_OF_RANGE', 42],
  ['an infinite balance', { ...GOOD, points_balance: Infinity }, 'BALANCE_OUT_OF_RANGE', 42],
  ['-1e300', { ...GOOD, points_balance: -1e300 }, 'BALANCE_OUT_OF_RANGE', 42],
  ['one past 64 bits', { ...GOOD, points_balance: '922337203685477.5808' }, 'BALANCE_OUT_OF_RANGE', 42],
  ['deleted: "yes"', { ...GOOD, deleted: 'yes' }, 'DELETED_INVALID', 42],
  ['deleted: 1', { ...GOOD, deleted: 1 }, 'DELETED_INVALID', 42],
];

describe('A record of points-balances', () => {
  for (const [what, change, read] of ACCEPTED) {
    it(`may have ${what}`, () => {
      assert.deepEqual(readPointsBalance({ ...GOOD, ...change }), { ...READ, ...read });
    });
  }

  for (const [what, record, code, wpUserId] of BAD) {
    it(`is rejected as ${code} for ${what}`, () => {
      const reading = readPointsBalance(record);
      assert.ok(isReject(reading), 'it went through');
      assert.equal(reading.code, code);
      assert.equal(reading.wpUserId, wpUserId);
      assert.match(reading.message, /^\S.*\.$/s);
    });
  }

  it('removes the balance when deleted is true, without e-mail or balance', () => {
    assert.deepEqual(readPointsBalance({ wp_user_id: 7, deleted: true, points_type: 'gems' }), {
      wpUserId: 7,
      email: '',
      pointsType: 'gems',
      tenThousandths: null,
    });
  });

  it('has a test for every code with which it can be rejected', () => {
    assert.deepEqual(
      [...new Set(BAD.map(([, , code]) => code))].sort(),
      [...pointsBalances.rejectCodes].sort(),
    );
  });

  it('counts the characters of a type of points as people do, not as UTF-16 does', () => {
    const reading = readPointsBalance({ ...GOOD, points_type: '💎'.repeat(64) });
    assert.ok(!isReject(reading), 'it was rejected');
  });

  it('is answered with a sentence of whole characters, however odd the value and wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '😀', 'ü'), minLength: 20, maxLength: 60 }),
        (text) => {
          for (const field of ['wp_user_id', 'points_balance']) {
            const reading = readPointsBalance({ ...GOOD, [field]: text });
            assert.ok(isReject(reading));
            assert.ok(reading.message.isWellFormed(), JSON.stringify(reading.message));
            assert.ok(reading.message.length < 200);
          }
        },
      ),
    );
  });

  it('never makes the reader fail, whatever JSON it is', () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...ACCEPTED.flatMap(([, change]) => Object.values(change))),
    );
    const fields = ['wp_user_id', 'email', 'points_balance', 'points_type', 'deleted'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...fields), odd), odd, (change, other) => {
        readPointsBalance(other);
        const reading = readPointsBalance({ ...GOOD, ...change });
        assert.ok(isReject(reading) || Number.isSafeInteger(reading.wpUserId));
      }),
    );
  });
});

function textNumbers(wp_user_id: string, points_balance: string): object {
  return { wp_user_id, points_balance };
}

function longEmail(length: number): string {
  return `${'a'.repeat(length - '@shop.example'.length)}@shop.example`;
}
