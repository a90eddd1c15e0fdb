import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, TestSite, temporaryFolder } from '../support/testServer.ts';

const DYING = new URL('./dyingThread.ts', import.meta.url).href;
const CLI = new URL('../../src/cli.ts', import.meta.url).pathname;
const RECORDS = 200_000;
/** The longest that the end of a server may take. */
const STOP_MS = 10_000;

describe('A thread that dies by itself', () => {
  for (const thread of ['intake', 'reader', 'writer']) {
    test(`ends the server, so that it is started again and the job goes on: ${thread}`, async (t) => {
      const databaseFile = join(await temporaryFolder(t), 'artly.db');
      const { server, url } = await ServerProcess.start(t, {
        databaseFile,
        environment: { TEST_THREAD: thread },
        command: ['--import', DYING, CLI, 'serve'],
      });
      const site = new TestSite(url, PROCESS_KEY);
      const jobId = await site.start(members(RECORDS));
      await site.waitFor(jobId, ({ processed }) => processed > 0);
      const from = performance.now();
      assert.deepEqual(await server.stop('SIGUSR2'), { code: 1, signal: null });
      assert.ok(performance.now() - from < STOP_MS);
      const [died, ...more] = server.complaints.map((line) => JSON.parse(line) as Record<string, string>);
      assert.equal(died?.event, 'server.broken');
      assert.match(
        died?.cause ?? '',
        new RegExp(`The thread ${thread}\\w* died: Error: This thread is broken`),
      );
      assert.deepEqual(more, [], 'one line says it all');

      const again = await ServerProcess.start(t, { databaseFile });
      const job = await new TestSite(again.url, PROCESS_KEY).waitFor(jobId, hasEnded);
      assert.deepEqual([job.status, job.inserted], ['completed', RECORDS]);
      await again.server.stop('SIGTERM');
    });
  }
});
