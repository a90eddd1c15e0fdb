import { z } from 'zod';
import type { Field } from '../jobTypes/fields.ts';
import { isListedByMember, type JobType, type RecordTable } from '../jobTypes/jobType.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import { MemberRecordsQuery, RecordsQuery } from '../routes/parse.ts';
import { answerOf, errorAnswers, type Paths, queryParameters, SITE_ERRORS, schemaOf } from './operation.ts';
import { Success } from './shapes.ts';

const WITH_TABLE = JOB_TYPES.flatMap((type) => (type.table === null ? [] : [{ type, table: type.table }]));
const PAGE = { after: 'The `next` of the page before.', limit: 'Records a page.' };
const Value = z.union([z.string(), z.number()]);

/** The records of the types that are not balances, as they are sent: by the fields of each type. */
export const OTHER_RECORDS = WITH_TABLE.map(({ table }) => recordOf(table, inputOf));

function inputOf({ optional }: Field): z.ZodType {
  return optional ? Value.nullable().optional() : Value;
}

function outputOf({ optional, exact }: Field): z.ZodType {
  const value = exact ? z.number() : z.string();
  return optional ? value.nullable() : value;
}

function recordOf({ fields }: RecordTable, shapeOf: (field: Field) => z.ZodType) {
  return z.object(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, shapeOf(field)])));
}

/** Reading what jobs of these types brought: see routes/records.ts. */
export const recordPaths: Paths = Object.fromEntries(
  WITH_TABLE.map(({ type, table }) => [`/artly/${type.name}`, listOf(type, table)]),
);

function listOf({ name, records }: JobType, table: RecordTable): Paths[string] {
  const byMember = isListedByMember(table);
  const Page = z.strictObject({
    ...Success,
    [records]: z.array(recordOf(table, outputOf).strict()),
    next: z.int().min(1).nullable().describe('The `after` of the next page.'),
  });
  return {
    get: {
      tags: ['Records'],
      operationId: `list-${name}`,
      summary: byMember ? `Reads a member’s ${records}` : `Reads ${records}`,
      description: 'A page of JSON; or, with `Accept: application/x-ndjson`, all of them as a stream.',
      parameters: byMember
        ? queryParameters(MemberRecordsQuery, { wp_user_id: 'The member.', ...PAGE })
        : queryParameters(RecordsQuery, PAGE),
      responses: {
        200: answerOf('A page, or all.', {
          'application/json': { schema: schemaOf(Page, 'output') },
          'application/x-ndjson': { schema: { type: 'string', description: 'One a line.' } },
        }),
        ...errorAnswers(...SITE_ERRORS),
      },
    },
  };
}
