import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import { hasEnded, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { EventClient, socketAddress } from './liveClients.ts';

const WATCHERS = 100;
const ROUNDS = 4;
/** What a round more may leave, in bytes a watcher: an open connection takes some 20,000. */
const LEFT_A_WATCHER = 5_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('watchers that have gone leave nothing behind, however they went', async (test) => {
  const shop = await startTestServer(test);
  const heaps: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await watchedJob(shop, round);
    const { watchers } = shop.server.parts;
    while (Object.values(watchers.open).some((count) => count > 0)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  }
  // The first rounds compile code and fill what is kept for good.
  const [earlier = 0, later = 0] = heaps.slice(-2);
  assert.ok(later - earlier < LEFT_A_WATCHER * WATCHERS, `the heap went ${heaps.join(', ')}`);
});

async function watchedJob(shop: TestSite, round: number): Promise<void> {
  const jobId = await shop.start(members(2_000, { balance: (id) => id + round }));
  const sockets: WebSocket[] = [];
  const streams: Promise<unknown>[] = [];
  for (let at = 0; at < WATCHERS / 2; at += 1) {
    const client = await EventClient.open(shop, jobId);
    // Every second one goes away in the middle.
    if (at % 2 === 0) streams.push(client.all());
    else client.cut();
    const socket = new WebSocket(socketAddress(shop), { headers: { 'x-artly-secret': shop.key } });
    await once(socket, 'open');
    socket.send(JSON.stringify({ watch: jobId }));
    sockets.push(socket);
  }
  await shop.waitFor(jobId, hasEnded);
  await Promise.all(streams);
  for (const [at, socket] of sockets.entries()) {
    if (at % 2 === 0) socket.close();
    else socket.terminate();
  }
}
