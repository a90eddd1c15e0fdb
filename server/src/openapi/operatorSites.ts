import { z } from 'zod';
import { SiteBody, SiteId, SitesQuery } from '../routes/operatorParse.ts';
import {
  answer,
  errorAnswers,
  jsonBody,
  OBJECT_ERRORS,
  type Paths,
  pathParameter,
  queryParameters,
} from './operation.ts';
import { OPERATOR_CHANGE_ERRORS, OPERATOR_ERRORS, SIGNED_IN } from './operator.ts';
import { Site, Success } from './shapes.ts';

const operator = { tags: ['Sites'], ...SIGNED_IN };
const parameters = [pathParameter('siteId', 'The `siteId` that the list of sites has.', SiteId)];
const SITE = {
  siteId: 2,
  url: 'https://new.example',
  createdAt: '2026-05-17T15:56:12.776Z',
  revokedAt: null,
  lastSeenAt: null,
};

const Page = z.strictObject({
  ...Success,
  sites: z.array(Site),
  nextCursor: z.string().nullable().describe('The `cursor` of the next page.'),
});
const OneSite = z.strictObject({ ...Success, site: Site });
const SiteAndKey = OneSite.extend({ key: z.string().describe('Told in this answer, and nowhere else.') });
const Removal = OneSite.extend({
  dropped: z
    .strictObject({ jobs: z.int().min(0), balances: z.int().min(0), records: z.int().min(0) })
    .describe('How much of it this call has deleted.'),
  more: z.boolean().describe('Whether to send the same again, for the rest.'),
});
const NEW_KEY = { success: true, site: SITE, key: 'artly_0123456789abcdef_…' };

/** Sites and their keys: see routes/operatorSites.ts. */
export const operatorSitePaths: Paths = {
  '/operator/sites': {
    get: {
      ...operator,
      operationId: 'listSites',
      summary: 'Lists sites, by address',
      parameters: queryParameters(SitesQuery, {
        search: 'Only sites with this in their address.',
        cursor: 'The `nextCursor` of the page before.',
        limit: 'Sites a page.',
      }),
      responses: {
        200: answer('A page; `nextCursor` is null on the last one.', Page, {
          success: true,
          sites: [SITE],
          nextCursor: null,
        }),
        ...errorAnswers(...OPERATOR_ERRORS),
      },
    },
    post: {
      ...operator,
      operationId: 'addSite',
      summary: 'Lets a site in',
      requestBody: jsonBody(SiteBody, { url: 'https://new.example' }),
      responses: {
        201: answer('The site, with its key.', SiteAndKey, NEW_KEY),
        ...errorAnswers(...OPERATOR_CHANGE_ERRORS, ...OBJECT_ERRORS, 'SITE_URL_INVALID', 'SITE_EXISTS'),
      },
    },
  },
  '/operator/sites/{siteId}': {
    delete: {
      ...operator,
      parameters,
      operationId: 'removeSite',
      summary: 'Deletes a site with all that it has',
      description:
        'Its keys, jobs, history and records, when `url` is its address. One call works for some seconds: where it answers with `more`, send the same again.',
      requestBody: jsonBody(SiteBody, { url: 'https://new.example' }),
      responses: {
        200: answer('What was deleted, and whether there is more.', Removal),
        ...errorAnswers(
          ...OPERATOR_CHANGE_ERRORS,
          ...OBJECT_ERRORS,
          'SITE_NOT_FOUND',
          'SITE_NOT_CONFIRMED',
          'SITE_LET_IN',
        ),
      },
    },
  },
  '/operator/sites/{siteId}/rotate': {
    post: {
      ...operator,
      parameters,
      operationId: 'rotateKey',
      summary: 'Makes a new key for a site',
      description: 'Its old key ends at once. It needs no body.',
      responses: {
        200: answer('The site, with its new key.', SiteAndKey, NEW_KEY),
        ...errorAnswers(...OPERATOR_CHANGE_ERRORS, 'SITE_NOT_FOUND'),
      },
    },
  },
  '/operator/sites/{siteId}/revoke': {
    post: {
      ...operator,
      parameters,
      operationId: 'revokeSite',
      summary: 'Ends the keys of a site',
      description: 'Its jobs and records stay. It needs no body.',
      responses: {
        200: answer('The site, without a key.', OneSite),
        ...errorAnswers(...OPERATOR_CHANGE_ERRORS, 'SITE_NOT_FOUND'),
      },
    },
  },
};
