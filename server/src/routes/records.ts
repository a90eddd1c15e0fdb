import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response, Router } from 'express';
import { isListedByMember, type RecordTable } from '../jobTypes/jobType.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';
import type { ArtlyService } from '../services/artlyService.ts';
import type { ArtlyParts } from './artly.ts';
import { endpoint } from './endpoint.ts';
import { readRecordsQuery } from './parse.ts';
import { siteOf } from './signIn.ts';

/** Reading what jobs of the other types brought: a page, or all as a stream. */
export function recordRoutes(router: Router, before: RequestHandler[], { artly }: ArtlyParts): void {
  for (const { name, records, table } of JOB_TYPES) {
    if (table === null) continue;
    endpoint(router, `/artly/${name}`, {
      before,
      get: (request, response) => answerRecords(request, response, { artly, name, records, table }),
    });
  }
}

interface Listing {
  artly: ArtlyService;
  name: string;
  /** What the answer calls them. */
  records: string;
  table: RecordTable;
}

async function answerRecords(request: Request, response: Response, listing: Listing): Promise<void> {
  const { artly, name, records, table } = listing;
  const query = readRecordsQuery(request.query, { byMember: isListedByMember(table) });
  const page = { type: name, siteId: siteOf(request).siteId, ...query };
  if (request.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson') {
    response.type('application/x-ndjson');
    await pipeline(recordLines(listing, page), response);
    return;
  }
  const { records: rows, next } = await artly.listRecords(page);
  response.json({ success: true, [records]: rows.map(table.asJson), next });
}

/** All records, a line each, page by page in constant memory. */
async function* recordLines(
  { artly, table }: Listing,
  page: Parameters<ArtlyService['listRecords']>[0],
): AsyncGenerator<string> {
  let after: number | null = page.after;
  while (after !== null) {
    const { records, next } = await artly.listRecords({ ...page, after });
    yield records.map((row) => `${JSON.stringify(table.asJson(row))}\n`).join('');
    after = next;
  }
}
