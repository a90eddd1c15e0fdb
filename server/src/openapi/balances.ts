import { z } from 'zod';
import { BalancesQuery, ChecksumsQuery, UserIdText } from '../routes/parse.ts';
import {
  answer,
  answerOf,
  errorAnswers,
  type Paths,
  pathParameter,
  queryParameters,
  SITE_ERRORS,
  schemaOf,
} from './operation.ts';
import { Balance, Success, UserId } from './shapes.ts';

const tags = ['Records'];
const BALANCE = { wp_user_id: 43, email: 'b@shop.example', points_type: 'points', points_balance: -12.3 };

const Page = z.strictObject({
  ...Success,
  balances: z.array(Balance),
  next: UserId.nullable().describe('The `after` of the next page.'),
});

const Checksums = z.strictObject({
  ...Success,
  size: z.int(),
  ranges: z.array(
    z.strictObject({
      from: z.int().min(0).describe('A multiple of size.'),
      count: z.int().min(1),
      sum: z
        .int()
        .min(0)
        .describe('Of the CRC-32 of each balance’s canonical text; docs/api.md has its form.'),
    }),
  ),
});

/** Reading balances: see routes/balances.ts. */
export const balancePaths: Paths = {
  '/artly/points-balances': {
    get: {
      tags,
      operationId: 'listBalances',
      summary: 'Reads balances, by member, then type of points',
      description:
        'A page of JSON; or, with `Accept: application/x-ndjson`, all of them as a stream, each line like the schema Balance.',
      parameters: queryParameters(BalancesQuery, {
        after: 'From the member behind this one on: the `next` of the page before.',
        limit: 'Balances a page; the last member on it comes whole.',
        points_type: 'Only this type of points.',
      }),
      responses: {
        200: answerOf('A page, or all.', {
          'application/json': {
            schema: schemaOf(Page, 'output'),
            example: { success: true, balances: [BALANCE], next: null },
          },
          'application/x-ndjson': {
            schema: { type: 'string', description: 'A Balance a line.' },
            example: `${JSON.stringify(BALANCE)}\n`,
          },
        }),
        ...errorAnswers(...SITE_ERRORS),
      },
    },
  },
  '/artly/points-balances/{wp_user_id}': {
    get: {
      tags,
      operationId: 'readBalances',
      summary: 'Reads one member’s balances, one a type of points',
      parameters: [pathParameter('wp_user_id', 'The member.', UserIdText)],
      responses: {
        200: answer('At least one.', z.strictObject({ ...Success, balances: z.array(Balance).min(1) })),
        ...errorAnswers(...SITE_ERRORS, 'BALANCE_NOT_FOUND'),
      },
    },
  },
  '/artly/points-balances/checksums': {
    get: {
      tags,
      operationId: 'sumChecksums',
      summary: 'Tells where balances differ',
      description:
        'For each range of `size` ids that has balances: their count, and the sum of their checksums. A shop that makes the same sums sees where the two differ, and sends only those.',
      parameters: queryParameters(ChecksumsQuery, {
        size: 'Ids in a range.',
        points_type: 'Only this type of points; all are summed up together where it is left out.',
        from: 'Only members from this id on.',
        to: 'Only members up to this id.',
        ranges: 'Only members of these ranges of ids, both ends included: `1000-1999,5000-5999`.',
      }),
      responses: {
        200: answer('Ranges by id; empty ones are left out.', Checksums, {
          success: true,
          size: 1000,
          ranges: [{ from: 0, count: 5, sum: 6814829683 }],
        }),
        ...errorAnswers(...SITE_ERRORS),
      },
    },
  },
};
