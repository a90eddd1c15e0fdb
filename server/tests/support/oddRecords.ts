import fc from 'fast-check';

/** Texts of records as shops may send them: nearly all plain, many at the edge of it, some rejected, none broken. */

/** A record whose member is known when it is laid out. */
export type RecordText = (wpUserId: number) => string;

const plainPart = fc.string({
  unit: fc.constantFrom('a', 'Z', '7', '-', '+', '_', "'", '{', '/'),
  minLength: 1,
  maxLength: 9,
});
const email = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.tuple(plainPart, plainPart).map(([name, shop]) => `"${name}@${shop}.example"`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '"a@b"',
      '"a@b."',
      '"a@.b.c"',
      '"@b.c"',
      '"a.@b.c"',
      '".@b.c.d"',
      '"a b@c.d"',
      '"a@b c.d"',
      '"a@@b.c"',
      '"a@b@c.d"',
      '"a@b..c"',
      '"é@b.c"',
      '"a@é.c"',
      '"a\\u0062@b.c"',
      '"a\\"@b.c"',
      '"a\\\\@b.c"',
      '"a\u007f@b.c"',
      '"a\\ud800@b.c"',
      '"},{@b.c"',
      '"},@b.c"',
      '"],@b.c"',
      '""',
      'null',
      '5',
      '"a@b.c,"',
      `"${'x'.repeat(250)}@b.c"`,
      `"${'x'.repeat(251)}@b.c"`,
      '["a@b.c"]',
    ),
  },
);
const balance = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -9_999, max: 9_999 }).map(String) },
  {
    weight: 5,
    arbitrary: fc.integer({ min: -9_999_999, max: 9_999_999 }).map((whole) => String(whole / 10_000)),
  },
  {
    weight: 5,
    arbitrary: fc.integer({ min: -99_999, max: 99_999 }).map((whole) => `"${(whole / 100).toFixed(4)}"`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '0',
      '-0',
      '-0.0',
      '"-0.0000"',
      '0.5',
      '-0.0001',
      '0.0000',
      '"00.5"',
      '"007"',
      '1.2345',
      '1.23450',
      '1.23456',
      '"1.000000"',
      '1e3',
      '5e-1',
      '"5."',
      '".5"',
      '"+5"',
      '"-"',
      '""',
      '" 5"',
      '"5 "',
      '99999999999.9999',
      '-99999999999.9999',
      '100000000000',
      '100000000000.0001',
      '999999999999999',
      '922337203685477.5807',
      '"-922337203685477.5808"',
      '922337203685477.5808',
      '1e400',
      'null',
      'true',
      '"abc"',
      '{}',
    ),
  },
);
const type = fc.oneof(
  { weight: 12, arbitrary: fc.constant(undefined) },
  { weight: 4, arbitrary: fc.constantFrom('"points"', '"gems"', '"gold coins"', '"po\\u0069nts"') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '""',
      'null',
      '"é"',
      '"a\\nb"',
      '5',
      `"${'t'.repeat(64)}"`,
      `"${'t'.repeat(65)}"`,
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }).map((number) => `"type${number}"`) },
);
const deleted = fc.oneof(
  { weight: 30, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constant('true') },
  { weight: 1, arbitrary: fc.constantFrom('false', 'null', '1') },
);
const further = fc.oneof(
  { weight: 30, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '"note":{"a":[{},{}]}',
      '"email":"other@b.c"',
      '"wp_user_id":3',
      '"points_balance":7',
      '"points_bonus":1',
      '"points_type":"gems"',
      '"":0',
      '"wp_user_i\\u0064":4',
      '"Email":"a@b.c"',
      '"n":9007199254740993',
      '"__proto__":{}',
    ),
  },
);
const id = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      (own: number) => `${own}`,
      (own: number) => `"${own}"`,
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        '0',
        '-1',
        '1.0',
        '"007"',
        '"7.00"',
        '1e2',
        '999999999999999',
        '1000000000000000',
        '9007199254740991',
        '9007199254740993',
        '"9007199254740991"',
        '""',
        'null',
        '" 5"',
        '"x"',
        'false',
      )
      .map((text) => () => text),
  },
);

/** `space` is what may stand between tokens. */
export function recordTexts(space: string[]): fc.Arbitrary<RecordText> {
  const record = fc
    .record({
      id,
      email,
      balance,
      type,
      deleted,
      further,
      left: fc.constantFrom(...space),
      right: fc.constantFrom(...space),
      order: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
      without: fc.nat({ max: 60 }),
    })
    .map(
      ({ id, email, balance, type, deleted, further, left, right, order, without }): RecordText =>
        (own) => {
          const fields = [
            `"wp_user_id"${left}:${right}${id(own)}`,
            `"email"${right}:${left}${email}`,
            `"points_balance"${left}:${left}${balance}`,
          ];
          if (without < fields.length) fields.splice(without, 1);
          if (type !== undefined) fields.push(`"points_type"${right}:${type}`);
          if (deleted !== undefined) fields.push(`"deleted":${deleted}`);
          if (further !== '') fields.push(further);
          const inOrder = fields
            .map((field, at) => ({ field, place: (order[at] as number) % 3 }))
            .sort((one, other) => one.place - other.place)
            .map(({ field }) => field);
          return `${left}{${right}${inOrder.join(`${left},${right}`)}${left}}${right}`;
        },
    );
  const noRecord = fc
    .constantFrom(
      '7',
      'null',
      '[]',
      '{}',
      '"},{"',
      '[{},{}]',
      '{"a":"},{"}',
      '{"a":[{},{}],"b":1}',
      '"é"',
      'true',
      '-1.5e3',
    )
    .map(
      (text): RecordText =>
        () =>
          text,
    );
  return fc.oneof({ weight: 30, arbitrary: record }, { weight: 1, arbitrary: noRecord });
}
