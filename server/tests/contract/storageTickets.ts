import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { NewKey, Site, Storage } from '../../src/storage/storage.ts';

const NOW = 1_750_000_000_000;

/** Tickets: what a browser has in place of the key. */
export function ticketsContract(storage: () => Storage): void {
  describe('tickets', () => {
    test('a ticket is taken once, with the site and the job it is for', async () => {
      const { site, jobId, ticketHash } = await ticket(storage());
      const taken = await storage().takeTicket({ ticketHash, now: NOW });
      assert.deepEqual(taken, { siteId: site.siteId, siteUrl: site.url, jobId });
      assert.equal(await storage().takeTicket({ ticketHash, now: NOW }), undefined);
    });

    test('of many who take it at once, one gets it', async () => {
      const { ticketHash } = await ticket(storage());
      const all = await Promise.all(
        Array.from({ length: 20 }, () => storage().takeTicket({ ticketHash, now: NOW })),
      );
      assert.equal(all.filter((taken) => taken !== undefined).length, 1);
    });

    test('it is not taken from the moment on at which it expires, nor where there is none', async () => {
      const { ticketHash } = await ticket(storage(), { expiresAt: NOW + 1 });
      assert.equal(await storage().takeTicket({ ticketHash, now: NOW + 1 }), undefined);
      assert.ok(await storage().takeTicket({ ticketHash, now: NOW }));
      assert.equal(await storage().takeTicket({ ticketHash: randomBytes(32), now: NOW }), undefined);
    });

    for (const how of ['rotateKey', 'revokeSite'] as const) {
      test(`it ends with the key that made it (${how}), and those of other sites stay`, async () => {
        const [mine, other] = [await ticket(storage()), await ticket(storage())];
        await storage()[how]({ url: mine.site.url, key: newKey(), now: NOW });
        assert.equal(await storage().takeTicket({ ticketHash: mine.ticketHash, now: NOW }), undefined);
        assert.ok(await storage().takeTicket({ ticketHash: other.ticketHash, now: NOW }));
      });
    }

    test('old ones are dropped in slices, others stay', async () => {
      const old = NOW - 1_000_000;
      const expired = [];
      for (let at = 0; at < 3; at += 1) expired.push(await ticket(storage(), { expiresAt: old + at }));
      const fresh = await ticket(storage(), { expiresAt: old + 3 });
      const slice = () => storage().dropTickets({ expiredBefore: old + 3, limit: 2 });
      assert.deepEqual([await slice(), await slice()], [true, false]);
      for (const { ticketHash } of expired) {
        assert.equal(await storage().takeTicket({ ticketHash, now: old - 1 }), undefined);
      }
      assert.ok(await storage().takeTicket({ ticketHash: fresh.ticketHash, now: old }));
    });
  });
}

async function ticket(storage: Storage, { expiresAt = NOW + 60_000 } = {}) {
  const url = `https://${randomUUID()}.example`;
  const site: Site = await storage.addSite({ url, key: newKey(), now: NOW });
  const made = { ticketHash: randomBytes(32), jobId: randomUUID() };
  await storage.addTicket({ ...made, siteId: site.siteId, expiresAt });
  return { site, ...made };
}

function newKey(): NewKey {
  return { keyId: randomUUID(), keyHash: randomBytes(32) };
}
