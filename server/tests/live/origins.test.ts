import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { members, startTestServer, TestSite } from '../support/testServer.ts';
import { EventClient, refusal, SocketClient, socketAddress, ticketFor } from './liveClients.ts';

const SECRET = 'the-key-of-the-default';

describe('A page that watches a job', () => {
  it('may be one of the site, of this server, or of ARTLY_BROWSER_ORIGINS, and may read what it gets', async (test) => {
    const environment = { ARTLY_BROWSER_ORIGINS: 'https://www.shop.example, http://localhost:3000' };
    const shop = await startTestServer(test, { environment });
    const jobId = await shop.start(members(1));
    const mine = ['https://shop.example', 'https://www.shop.example', 'http://localhost:3000', shop.url];
    // Behind a proxy with TLS, the server's own pages have https.
    for (const origin of [...mine, shop.url.replace('http:', 'https:')]) {
      const query = `?ticket=${await ticketFor(shop, jobId)}`;
      const client = await EventClient.open(shop, jobId, { key: false, query, headers: { origin } });
      assert.equal(client.status, 200, origin);
      assert.equal(client.headers.get('access-control-allow-origin'), origin);
      assert.equal(client.headers.get('access-control-allow-credentials'), null);
      assert.equal(client.headers.get('vary'), 'Origin');
      await client.all();
      const socket = await SocketClient.open(test, shop, {
        query: `?ticket=${await ticketFor(shop, jobId)}`,
        headers: { origin },
      });
      socket.send({ watch: jobId });
      await socket.until(({ job }) => job);
    }
  });

  it('is refused where it is of any other, also with the key', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(1));
    const others = [
      'https://evil.example',
      'http://shop.example',
      'https://shop.example:8443',
      'https://shop.example.evil.example',
      'https://other.shop.example',
      'null',
      '*',
    ];
    for (const origin of others) {
      const refused = await EventClient.open(shop, jobId, { headers: { origin } });
      assert.deepEqual([refused.status, (await refused.json()).error], [403, 'ORIGIN_NOT_ALLOWED'], origin);
      assert.equal(refused.headers.get('access-control-allow-origin'), null);
      const query = `?ticket=${await ticketFor(shop, jobId)}`;
      const socket = await refusal(socketAddress(shop, query), { origin });
      assert.deepEqual([socket.status, socket.error], [403, 'ORIGIN_NOT_ALLOWED']);
    }
  });

  it('of a site with a path in its address is known by its origin', async (test) => {
    const shop = await startTestServer(test);
    const { key } = await shop.server.parts.sites.add('https://network.example/shops/one');
    const site = new TestSite(shop.url, key);
    const jobId = await site.start(members(1));
    const client = await EventClient.open(site, jobId, { headers: { origin: 'https://network.example' } });
    assert.equal(client.status, 200);
    await client.all();
  });

  it('of the site "default" needs ARTLY_BROWSER_ORIGINS, as its address is not known', async (test) => {
    for (const [origins, status] of [
      ['', 403],
      ['https://shop.example', 200],
    ] as const) {
      const environment = { ARTLY_API_SECRET: SECRET, ARTLY_BROWSER_ORIGINS: origins };
      const { url } = await startTestServer(test, { environment });
      const site = new TestSite(url, SECRET);
      const jobId = await site.start(members(1));
      const client = await EventClient.open(site, jobId, { headers: { origin: 'https://shop.example' } });
      assert.equal(client.status, status);
    }
  });

  it('need not be any: programs have no origin', async (test) => {
    const shop = await startTestServer(test);
    const client = await EventClient.open(shop, await shop.start(members(1)));
    assert.deepEqual([client.status, client.headers.get('access-control-allow-origin')], [200, null]);
  });
});

describe('ARTLY_BROWSER_ORIGINS', () => {
  it('stops the start where it holds other than origins', async (test) => {
    for (const wrong of [
      '*',
      'shop.example',
      'https://shop.example/',
      'https://Shop.example',
      'ftp://shop.example',
    ]) {
      const environment = { ARTLY_BROWSER_ORIGINS: `https://good.example,${wrong}` };
      await assert.rejects(startTestServer(test, { environment }), /ARTLY_BROWSER_ORIGINS must be origins/);
    }
  });
});
