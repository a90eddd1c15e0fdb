import type { RequestHandler, Router } from 'express';
import { isoTime } from '../domain/job.ts';
import { endpoint } from './endpoint.ts';
import type { OperatorParts } from './operator.ts';
import { operatorActor } from './operatorGuard.ts';
import { readSiteId, readSitesQuery, readSiteUrl } from './operatorParse.ts';
import { readSmallObject } from './requestBody.ts';

/** Sites and their keys: a key stands in one answer, the one that made it. */
export function operatorSiteRoutes(
  router: Router,
  before: RequestHandler[],
  { operator, bodyIdleMs }: OperatorParts,
): void {
  endpoint(router, '/operator/sites', {
    before,
    get: async (request, response) => {
      const { sites, next } = await operator.listSites(readSitesQuery(request.query));
      response.json({ success: true, sites: sites.map(siteAsJson), nextCursor: next });
    },
    post: async (request, response) => {
      const { site, key } = await operator.addSite(readSiteUrl(await readSmallObject(request, bodyIdleMs)));
      response.status(201).json({ success: true, site: siteAsJson(site), key });
    },
  });
  endpoint(router, '/operator/sites/:siteId', {
    before,
    delete: async (request, response) => {
      const siteId = readSiteId(request.params.siteId);
      const url = readSiteUrl(await readSmallObject(request, bodyIdleMs));
      const removal = await operator.removeSite(siteId, { url, actor: operatorActor(request) });
      response.json({ success: true, ...removal, site: siteAsJson(removal.site) });
    },
  });
  endpoint(router, '/operator/sites/:siteId/rotate', {
    before,
    post: async (request, response) => {
      const { site, key } = await operator.rotateKey(readSiteId(request.params.siteId));
      response.json({ success: true, site: siteAsJson(site), key });
    },
  });
  endpoint(router, '/operator/sites/:siteId/revoke', {
    before,
    post: async (request, response) => {
      const site = await operator.revokeSite(readSiteId(request.params.siteId));
      response.json({ success: true, site: siteAsJson(site) });
    },
  });
}

interface SiteTimes {
  siteId: number;
  url: string;
  createdAt: number;
  revokedAt: number | null;
  lastSeenAt: number | null;
}

function siteAsJson({ siteId, url, createdAt, revokedAt, lastSeenAt }: SiteTimes) {
  const times = {
    createdAt: isoTime(createdAt),
    revokedAt: isoTime(revokedAt),
    lastSeenAt: isoTime(lastSeenAt),
  };
  return { siteId, url, ...times };
}
