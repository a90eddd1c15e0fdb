import { pipeline } from 'node:stream/promises';
import type { RequestHandler, Router } from 'express';
import { decimalJson } from '../domain/decimal.ts';
import type { Balance } from '../domain/pointsBalance.ts';
import type { ArtlyService } from '../services/artlyService.ts';
import type { ArtlyParts } from './artly.ts';
import { endpoint } from './endpoint.ts';
import { readBalancesQuery, readChecksumsQuery, readUserId } from './parse.ts';
import { siteOf } from './signIn.ts';

/** Reading balances: a page, all as a stream, one member's, or what tells where they differ. */
export function balanceRoutes(router: Router, before: RequestHandler[], { artly }: ArtlyParts): void {
  endpoint(router, '/artly/points-balances', {
    before,
    get: async (request, response) => {
      const page = { siteId: siteOf(request).siteId, ...readBalancesQuery(request.query) };
      if (request.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson') {
        response.type('application/x-ndjson');
        await pipeline(balanceLines(artly, page), response);
        return;
      }
      const { balances, next } = await artly.listBalances(page);
      response.json({ success: true, balances: balances.map(balanceAsJson), next });
    },
  });
  // Before the next one, which would take its name for an id.
  endpoint(router, '/artly/points-balances/checksums', {
    before,
    get: async (request, response) => {
      const query = readChecksumsQuery(request.query);
      const ranges = await artly.sumChecksums({ siteId: siteOf(request).siteId, ...query });
      response.json({ success: true, size: query.size, ranges });
    },
  });
  endpoint(router, '/artly/points-balances/:wp_user_id', {
    before,
    get: async (request, response) => {
      const balances = await artly.findBalances(
        siteOf(request).siteId,
        readUserId(request.params.wp_user_id),
      );
      response.json({ success: true, balances: balances.map(balanceAsJson) });
    },
  });
}

interface Page {
  siteId: number;
  pointsType: string | null;
  afterUserId: number;
  limit: number;
}

/** All balances, a line each, page by page in constant memory. */
async function* balanceLines(artly: ArtlyService, page: Page): AsyncGenerator<string> {
  let after: number | null = page.afterUserId;
  while (after !== null) {
    const { balances, next } = await artly.listBalances({ ...page, afterUserId: after });
    yield balances.map((balance) => `${JSON.stringify(balanceAsJson(balance))}\n`).join('');
    after = next;
  }
}

function balanceAsJson({ wpUserId, email, pointsType, tenThousandths }: Balance) {
  return {
    wp_user_id: wpUserId,
    email,
    points_type: pointsType,
    points_balance: decimalJson(tenThousandths),
  };
}
