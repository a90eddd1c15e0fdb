import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../domain/errors.ts';

/** The pieces of OpenAPI 3.1 that the description is made of. A schema is JSON Schema 2020-12. */
export type Schema = Record<string, unknown>;
export type Method = 'get' | 'post' | 'put' | 'delete';
/** By path, as in `/artly/sync/jobs/{jobId}`, then method. */
export type Paths = Record<string, Partial<Record<Method, Operation>>>;

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  /** One of these is needed; nothing where it is empty. Left out where the document's own security counts. */
  security?: Security;
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, Answer>;
}

/** Ways to sign in, by the names that the document gives them. */
export type Security = Record<string, []>[];

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  required: boolean;
  description: string;
  schema: Schema;
}

export type Content = Record<string, { schema: Schema; example?: unknown }>;

export interface Answer {
  description: string;
  headers: Record<string, { $ref: string }>;
  content: Content;
}

const HEADERS = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };

/** The JSON Schema of what comes in, or goes out. A shape with an `id` becomes a reference. */
export function schemaOf(shape: z.ZodType, io: Direction): Schema {
  return converted(shape, io).schema;
}

/** What stands under the name of such a shape. */
export function namedSchema(id: string, shape: z.ZodType, io: Direction): Schema {
  const { id: _, ...schema } = converted(shape, io).named[id] ?? {};
  return schema;
}

type Direction = 'input' | 'output';

function converted(shape: z.ZodType, io: Direction): { schema: Schema; named: Record<string, Schema> } {
  const {
    $schema,
    $defs = {},
    ...schema
  } = z.toJSONSchema(shape, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // What the rules of an address say of its text, `meta` says of the number that it means.
      if (jsonSchema.type === 'integer' || jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      // No answer comes near it, but the page would show it as an example.
      if (io === 'output' && jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (def.type !== 'default') return;
      // An optional field that is null where it is left out need not be told so.
      if (def.defaultValue === null) delete jsonSchema.default;
      else jsonSchema.default ??= def.defaultValue as never;
    },
  });
  const text = JSON.stringify({ schema, named: $defs });
  return JSON.parse(text.replaceAll('#/$defs/', '#/components/schemas/'));
}

/** Parameters of an address by the shape that reads them; every field is described. */
export function queryParameters<Fields extends z.ZodRawShape>(
  shape: z.ZodObject<Fields>,
  descriptions: Record<keyof Fields & string, string>,
): Parameter[] {
  const { properties = {}, required = [] } = schemaOf(shape, 'input') as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  return Object.entries(descriptions).map(([name, description]) => {
    const schema = withoutNull(properties[name] ?? {});
    return { name, in: 'query', required: required.includes(name), description, schema };
  });
}

/** An address has no null: there, a field that may be null may be left out. */
function withoutNull({ anyOf, ...rest }: Schema): Schema {
  const [first] = ((anyOf ?? []) as Schema[]).filter(({ type }) => type !== 'null');
  return { ...rest, ...first };
}

export function pathParameter(name: string, description: string, shape: z.ZodType): Parameter {
  return { name, in: 'path', required: true, description, schema: schemaOf(shape, 'input') };
}

/** An answer of JSON. */
export function answer(description: string, shape: z.ZodType, example?: unknown): Answer {
  const schema = schemaOf(shape, 'output');
  return answerOf(description, { 'application/json': { schema, ...(example !== undefined && { example }) } });
}

/** An answer without a body. */
export function emptyAnswer(description: string): Answer {
  return answerOf(description, {});
}

export function answerOf(description: string, content: Content): Answer {
  return { description, headers: HEADERS, content };
}

/** A body of JSON. */
export function jsonBody(shape: z.ZodType, example: unknown): NonNullable<Operation['requestBody']> {
  return { required: true, content: { 'application/json': { schema: schemaOf(shape, 'input'), example } } };
}

/** The answers to what can go wrong: one for each status, with the codes that it may have. */
export function errorAnswers(...codes: ErrorCode[]): Record<string, Answer> {
  const byStatus = Object.groupBy(new Set(codes), (code) => ERRORS[code].status);
  const answers = Object.entries(byStatus).map(([status, some = []]) => {
    const shape = z.strictObject({ success: z.literal(false), error: z.enum(some), message: z.string() });
    return [status, answer(`Codes: ${some.join(', ')}. docs/errors.md explains them.`, shape)];
  });
  return Object.fromEntries(answers);
}

/** Whatever asks the storage may fail with one of these. */
export const STORAGE_ERRORS: ErrorCode[] = [
  'STORAGE_BUSY',
  'STORAGE_FULL',
  'STORAGE_UNAVAILABLE',
  'STORAGE_READ_ONLY',
  'STORAGE_DAMAGED',
  'SHUTTING_DOWN',
  'INTERNAL',
];
/** Whatever a site asks. The address itself may be broken, as by a lone %. */
export const SITE_ERRORS: ErrorCode[] = ['MISSING_KEY', 'WRONG_KEY', 'INVALID_PARAMETER', ...STORAGE_ERRORS];
/** A small body of JSON. */
export const OBJECT_ERRORS: ErrorCode[] = [
  'INVALID_JSON',
  'NOT_AN_OBJECT',
  'BODY_TOO_LARGE',
  'BODY_TRUNCATED',
  'BODY_STALLED',
  'UNSUPPORTED_MEDIA_TYPE',
];
/** A body of records. */
export const RECORDS_ERRORS: ErrorCode[] = [
  'INVALID_JSON',
  'NOT_AN_ARRAY',
  'EMPTY_ARRAY',
  'TOO_MANY_RECORDS',
  'BODY_TOO_LARGE',
  'RECORD_TOO_LARGE',
  'BODY_TRUNCATED',
  'BODY_STALLED',
  'BROKEN_GZIP',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNSUPPORTED_ENCODING',
];
