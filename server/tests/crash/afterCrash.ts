import assert from 'node:assert/strict';
import { assertAllowedWalk, JobWatch } from '../support/jobWatch.ts';
import { hasEnded, type JobJson, type TestSite } from '../support/testServer.ts';
import { FAILS } from './crashes.ts';

/** One start as its sender knows it. `records` are good ones, of members that no other start has, and `bad` more. */
export interface Sent {
  firstId: number;
  good: number;
  bad: number;
  balance: number;
  /** An Idempotency-Key: the same start may be sent again. */
  key?: string;
  /** The whole picture: all other balances of the site go. */
  snapshot?: true;
  /** In two parts, of which the first is too large for one transaction; needs a key, by which it may go on. */
  parts?: true;
  jobId?: string;
  cancel?: 'asked' | 'answered';
  retry?: 'asked' | 'answered';
}

/** A site that remembers what it asked for and what was answered, while the server may die at any moment. */
export class Sender {
  readonly site: TestSite;
  readonly sent: Sent[] = [];
  readonly watches = new Map<string, JobWatch>();
  #nextId = 1_000;

  constructor(site: TestSite) {
    this.site = site;
  }

  /** Starts a job of `good` records and a few bad ones, and gives what is known of it. */
  async start(good: number, options: StartOptions = {}): Promise<Sent & { jobId: string }> {
    const start: Sent = { firstId: this.#nextId, good, bad: 0, balance: good, ...options };
    this.#nextId += good;
    this.sent.push(start);
    start.jobId = await sendTo(this.site, start);
    return start as Sent & { jobId: string };
  }

  async cancel(start: Sent): Promise<void> {
    start.cancel = 'asked';
    const { status, json } = await this.site.call('/artly/sync/points-balances/cancel', {
      jobId: start.jobId,
    });
    assert.equal(status, 200);
    if (!String(json.message).startsWith('The job had ended')) start.cancel = 'answered';
    else delete start.cancel;
  }

  async retry(start: Sent): Promise<void> {
    start.retry = 'asked';
    const { status } = await this.site.call(`/artly/sync/jobs/${start.jobId}/retry`, {});
    assert.equal(status, 202);
    start.retry = 'answered';
  }

  until(start: Sent & { jobId: string }, done: (job: JobJson) => boolean): Promise<JobJson> {
    return this.site.waitFor(start.jobId, done, this.watch(start.jobId));
  }

  watch(jobId: string): (job: JobJson) => void {
    const watch = this.watches.get(jobId) ?? new JobWatch();
    this.watches.set(jobId, watch);
    return watch.see;
  }
}

type StartOptions = Partial<Pick<Sent, 'bad' | 'key' | 'snapshot' | 'parts'>>;

/** Sends a start and gives the jobId of the answer. */
export async function sendTo(site: TestSite, start: Sent): Promise<string> {
  if (start.parts) return sendParts(site, start);
  const query = start.snapshot ? '?mode=snapshot' : '';
  const response = await site.fetch(`/artly/sync/points-balances/start${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(start.key && { 'idempotency-key': start.key }) },
    body: JSON.stringify(recordsOf(start)),
  });
  const { jobId } = (await response.json()) as { jobId: string };
  assert.equal(response.status, 202);
  return jobId;
}

/** Sends what is not there yet of a job in parts, and commits it, as a sender does that was cut off. */
async function sendParts(site: TestSite, start: Sent): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': start.key ?? '' };
  const call = async (method: string, path: string, body: unknown) => {
    const response = await site.fetch(path, { method, headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path} answered ${response.status}`);
    return (await response.json()) as { jobId: string };
  };
  const { jobId } = await call('POST', '/artly/sync/jobs', { type: 'points-balances' });
  const { upload } = (await site.call(`/artly/sync/jobs/${jobId}`)).json as {
    upload?: { batches: number[] };
  };
  const records = recordsOf(start);
  const parts = [records.slice(0, -60), records.slice(-60)];
  for (const [n, part] of parts.entries()) {
    if (upload?.batches.includes(n) === false)
      await call('PUT', `/artly/sync/jobs/${jobId}/batches/${n}`, part);
  }
  await call('POST', `/artly/sync/jobs/${jobId}/commit`, { batches: 2, records: records.length });
  return jobId;
}

/**
 * Fails unless all that a sender was promised holds on `site`, the same site at a server that was started
 * again. `old` are the balances that stood before.
 */
export async function assertNothingLost(
  sender: Sender,
  site: TestSite,
  old: Map<string, string>,
): Promise<void> {
  await repeatAll(sender, site);
  const { jobs } = (await site.call('/artly/sync/jobs?limit=1000')).json as { jobs: JobJson[] };
  const expected = new Map(old);
  const known = new Set<string>();
  for (const start of sender.sent) {
    const jobId =
      start.jobId ?? jobs.find((job) => job.total === start.good + start.bad && !known.has(job.jobId))?.jobId;
    // A start without an answer may have left nothing; one with an answer never.
    if (jobId === undefined) continue;
    known.add(jobId);
    const job = await site.waitFor(jobId, hasEnded, sender.watch(jobId));
    assertEndedRight(start, job);
    await assertAudit(site, job);
    if (start.snapshot) {
      assert.deepEqual(
        job.result,
        { ...job.result, removed: expected.size },
        'each balance was removed once',
      );
      expected.clear();
    }
    for (const [key, balance] of standing(start, job)) expected.set(key, balance);
  }
  assert.deepEqual(await site.balances(), expected);
}

/** A start with a key is sent again after the crash, as its sender would: it is one job all the same. */
async function repeatAll(sender: Sender, site: TestSite): Promise<void> {
  for (const start of sender.sent) {
    if (start.key === undefined) continue;
    const jobId = await sendTo(site, start);
    assert.equal(jobId, start.jobId ?? jobId);
    assert.equal(await sendTo(site, start), jobId);
    start.jobId = jobId;
    const { jobs } = (await site.call('/artly/sync/jobs?limit=1000')).json as { jobs: JobJson[] };
    assert.equal(jobs.filter(({ total }) => total === start.good + start.bad).length, 1);
  }
}

function assertEndedRight(start: Sent, job: JobJson): void {
  const allowed = new Set<string>(['completed']);
  if (start.cancel !== undefined) allowed.add('cancelled');
  if (start.cancel === 'answered' && start.retry === undefined) allowed.delete('completed');
  if (start.retry === 'answered') allowed.delete('cancelled');
  if (start.good === FAILS) allowed.add('failed');
  assert.ok(allowed.has(job.status), `${job.status}, but only ${[...allowed].join(' or ')} is right`);
  assert.equal(job.total, start.good + start.bad);
  if (job.status !== 'completed') return;
  assert.equal(job.processed, job.total);
  assert.equal(job.rejected, start.bad);
  assert.equal(job.updated, 0, 'each record was applied once');
  // Only a retry finds records of its own: each is inserted once, by whichever attempt came to it.
  if (start.retry === undefined) assert.equal(job.inserted, start.good);
  assert.equal(job.inserted + job.unchanged, start.good);
}

async function assertAudit(site: TestSite, job: JobJson): Promise<void> {
  const { json } = await site.call(`/artly/sync/jobs/${job.jobId}/audit`);
  const events = (json.audit as { event: string }[]).map(({ event }) => event);
  assertAllowedWalk(events, job.status);
}

/** What a start must have left: all of its balances, or those of the records that the job says it settled. */
function standing(start: Sent, job: JobJson): Map<string, string> {
  const settled = recordsOf(start).slice(0, job.processed) as { wp_user_id: number; email: string }[];
  const good = settled.filter(({ email }) => email.includes('@'));
  return new Map(good.map(({ wp_user_id }) => [`${wp_user_id} points`, String(start.balance)]));
}

/** The bad ones stand first, so that a job of which only a part is settled has settled them. */
function recordsOf({ firstId, good, bad, balance }: Sent): object[] {
  const wrong = Array.from({ length: bad }, (_, at) => ({
    wp_user_id: at + 1,
    email: 'nobody',
    points_balance: 1,
  }));
  const right = Array.from({ length: good }, (_, at) => ({
    wp_user_id: firstId + at,
    email: `member${firstId + at}@shop.example`,
    points_balance: balance,
  }));
  return [...wrong, ...right];
}
