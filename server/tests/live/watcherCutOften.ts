import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { hasEnded, type JobJson, type TestSite } from '../support/testServer.ts';
import { assertGrowing, EventClient, SocketClient } from './liveClients.ts';

export const CUTS = 50;
/** A connection is cut when something came on it, but after this long in any case. */
const CUT_AFTER_MS = 30;

interface Watched {
  jobId: string;
  /** Servers that a client comes to, in turns: any of them goes on where another was cut. */
  sites: TestSite[];
  /** Called at each connection: lets the job go on a little, and at the last one, to its end. */
  step?: (last: boolean) => void;
}

/** Watches by events, is cut off 50 times, and fails unless all versions grow and the last one is final. */
export async function watchEventsCutOften({ jobId, sites, step }: Watched): Promise<JobJson> {
  const seen: JobJson[] = [];
  for (let at = 0; at <= CUTS; at += 1) {
    const last = seen.at(-1)?.version;
    const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': String(last) };
    const client = await EventClient.open(sites[at % sites.length] as TestSite, jobId, { headers });
    assert.equal(client.status, 200, 'the final version did not come');
    const timer = at < CUTS ? setTimeout(() => client.cut(), CUT_AFTER_MS) : undefined;
    step?.(at === CUTS);
    try {
      for await (const { job } of client.events()) {
        seen.push(job);
        if (at < CUTS) break;
      }
    } catch (error) {
      assert.equal((error as Error).name, 'AbortError');
    }
    clearTimeout(timer);
    client.cut();
    assertCutBeforeTheEnd(seen, at);
  }
  return finalOf(seen);
}

/** The same on WebSockets. */
export async function watchSocketCutOften(
  test: TestContext,
  { jobId, sites, step }: Watched,
): Promise<JobJson> {
  const seen: JobJson[] = [];
  for (let at = 0; at <= CUTS; at += 1) {
    const client = await SocketClient.open(test, sites[at % sites.length] as TestSite);
    client.send({ watch: jobId, version: seen.at(-1)?.version ?? 0 });
    step?.(at === CUTS);
    const came = client.until(({ job }) => job && (at < CUTS || hasEnded(job)));
    if (at < CUTS) await Promise.race([came.catch(() => undefined), pause(CUT_AFTER_MS)]);
    else await came;
    client.socket.terminate();
    seen.push(...client.jobs(jobId));
    assertCutBeforeTheEnd(seen, at);
  }
  return finalOf(seen);
}

function assertCutBeforeTheEnd(seen: JobJson[], at: number): void {
  const last = seen.at(-1);
  if (at < CUTS && last !== undefined) assert.ok(!hasEnded(last), `the job ended after ${at} cuts`);
}

function finalOf(seen: JobJson[]): JobJson {
  assertGrowing(seen.map(({ version }) => version));
  const last = seen.at(-1);
  assert.ok(last !== undefined && hasEnded(last), 'the final version came');
  return last;
}
