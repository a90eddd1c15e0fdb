import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnded, type JobJson, members, startTestServer } from '../support/testServer.ts';
import { VersionSpy } from './spies.ts';

const START = '/artly/sync/points-balances/start';
const OLD = '/artly/sync/points-balances';
const JSON_TYPE = { 'content-type': 'application/json' };

describe('A job', () => {
  it('is started, looked at and completed, and its balances stand', async (test) => {
    const shop = await startTestServer(test);
    const { status, json } = await shop.call(START, members(3));
    assert.equal(status, 202);
    assert.deepEqual(Object.keys(json), ['success', 'jobId', 'message']);
    const job = await shop.waitFor(json.jobId as string, hasEnded);
    assert.equal(job.status, 'completed');
    assert.deepEqual(
      [job.progress, job.processed, job.total, job.inserted, job.updated, job.unchanged, job.rejected],
      [100, 3, 3, 3, 0, 0, 0],
    );
    assert.deepEqual(job.result, {
      success: true,
      message: 'Done: 3 new, 0 changed, 0 unchanged.',
      count: 3,
    });
    assert.deepEqual([job.type, job.attempt, job.error, job.etaSeconds], ['points-balances', 1, null, null]);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 points', '10'],
        ['2 points', '20'],
        ['3 points', '30'],
      ],
    );
  });

  it('reads the same by status, by its address and in the list', async (test) => {
    const shop = await startTestServer(test);
    const jobId = await shop.start(members(2));
    const job = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual((await shop.call(`/artly/sync/jobs/${jobId}`)).json.job, job);
    assert.deepEqual((await shop.call('/artly/sync/jobs')).json.jobs, [job]);
  });

  it('of 120 records reports 50, 100 and 120, and its counts add up in every version', async (test) => {
    const spy = new VersionSpy();
    const shop = await startTestServer(test, { wrapStorage: spy.wrapStorage });
    await shop.waitFor(await shop.start(members(60)), hasEnded);
    const changed = members(120, { balance: (id) => (id <= 30 ? id * 10 : id) });
    (changed[100] as { email: string }).email = 'odd';
    const jobId = await shop.start(changed);
    const job = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual([job.inserted, job.updated, job.unchanged, job.rejected], [59, 30, 30, 1]);
    const versions = spy.of(jobId);
    assert.deepEqual([...new Set(versions.map(({ processed }) => processed))], [0, 50, 100, 120]);
    assertTrueVersions(versions);
  });

  it('of more than 5,000 records moves at least 100 times', async (test) => {
    const spy = new VersionSpy();
    const shop = await startTestServer(test, { wrapStorage: spy.wrapStorage });
    const jobId = await shop.start(members(12_345));
    await shop.waitFor(jobId, hasEnded);
    const versions = spy.of(jobId);
    assert.ok(new Set(versions.map(({ processed }) => processed)).size > 100);
    assertTrueVersions(versions);
  });

  it('counts what is new, what changed and what stayed', async (test) => {
    const shop = await startTestServer(test);
    await shop.waitFor(await shop.start(members(4)), hasEnded);
    const job = await shop.waitFor(
      await shop.start([
        { wp_user_id: 1, email: 'member1@shop.example', points_balance: '10.0000' },
        { wp_user_id: 2, email: 'new@shop.example', points_balance: 20 },
        { wp_user_id: 3, email: 'member3@shop.example', points_balance: 30.5 },
        { wp_user_id: 4, deleted: true },
        { wp_user_id: 5, email: 'member5@shop.example', points_balance: 50 },
        { wp_user_id: 6, deleted: true },
      ]),
      hasEnded,
    );
    assert.deepEqual([job.inserted, job.updated, job.unchanged, job.rejected], [1, 3, 2, 0]);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 points', '10'],
        ['2 points', '20'],
        ['3 points', '30.5'],
        ['5 points', '50'],
      ],
    );
  });

  it('lets the last of a member and type stand, within a batch and across batches', async (test) => {
    const shop = await startTestServer(test);
    const twice = { wp_user_id: 1, email: 'a@shop.example' };
    const job = await shop.waitFor(
      await shop.start([
        { ...twice, points_balance: 1 },
        { ...twice, points_balance: 2 },
        ...members(60, { from: 100 }),
        { ...twice, points_balance: 3 },
      ]),
      hasEnded,
    );
    assert.deepEqual([job.inserted, job.updated, job.unchanged], [61, 1, 1]);
    assert.equal((await shop.balances()).get('1 points'), '3');
  });

  it('keeps a balance a type of points', async (test) => {
    const shop = await startTestServer(test);
    const member = { wp_user_id: 1, email: 'a@shop.example' };
    await shop.waitFor(
      await shop.start([
        { ...member, points_balance: 1 },
        { ...member, points_balance: 2, points_type: 'gems' },
        { ...member, points_balance: 3, points_type: 'Ünï’cödé "}' },
      ]),
      hasEnded,
    );
    await shop.waitFor(await shop.start([{ wp_user_id: 1, deleted: true, points_type: 'gems' }]), hasEnded);
    assert.deepEqual(
      [...(await shop.balances())],
      [
        ['1 points', '1'],
        ['1 Ünï’cödé "}', '3'],
      ],
    );
  });

  it('keeps every digit of a balance from the request to the answer', async (test) => {
    const shop = await startTestServer(test);
    const written = [
      '922337203685477.5807',
      '-922337203685477.5808',
      '9007199254740.9931',
      '0.0001',
      '-0',
      '1e3',
      '"12.300000"',
      '"-922337203685477.5808"',
      '123456789012345.1',
    ];
    const body = `[${written.map((balance, at) => `{"wp_user_id":${at + 1},"email":"a@shop.example","points_balance":${balance}}`)}]`;
    const response = await shop.fetch(START, { method: 'POST', headers: JSON_TYPE, body });
    const { jobId } = (await response.json()) as { jobId: string };
    assert.equal((await shop.waitFor(jobId, hasEnded)).rejected, 0);
    assert.deepEqual(
      [...(await shop.balances()).values()],
      [
        '922337203685477.5807',
        '-922337203685477.5808',
        '9007199254740.9931',
        '0.0001',
        '0',
        '1000',
        '12.3',
        '-922337203685477.5808',
        '123456789012345.1',
      ],
    );
    const one = await (await shop.fetch('/artly/points-balances/2')).text();
    assert.match(one, /"points_balance":-922337203685477\.5808[,}]/);
  });
});

/** `[record as JSON text, code, id]` */
const BAD_RECORDS: [record: string, code: string, wpUserId: number | null][] = [
  [bad('wp_user_id', '0'), 'WP_USER_ID_INVALID', null],
  [bad('wp_user_id', '-4'), 'WP_USER_ID_INVALID', null],
  [bad('wp_user_id', '4.5'), 'WP_USER_ID_INVALID', null],
  [bad('wp_user_id', '"four"'), 'WP_USER_ID_INVALID', null],
  [bad('wp_user_id', '9007199254740993'), 'WP_USER_ID_INVALID', null],
  [bad('email', 'null'), 'EMAIL_MISSING', 900],
  [bad('email', '"odd"'), 'EMAIL_INVALID', 900],
  [bad('points_balance', '"NaN"'), 'BALANCE_NOT_A_NUMBER', 900],
  [bad('points_balance', '1e400'), 'BALANCE_OUT_OF_RANGE', 900],
  [bad('points_balance', '"many"'), 'BALANCE_NOT_A_NUMBER', 900],
  [bad('points_balance', '1.23456'), 'BALANCE_TOO_MANY_DECIMALS', 900],
  [bad('points_balance', 'null'), 'BALANCE_NOT_A_NUMBER', 900],
  [bad('points_balance', '[1]'), 'BALANCE_NOT_A_NUMBER', 900],
  [bad('points_type', '""'), 'POINTS_TYPE_INVALID', 900],
  [bad('deleted', '"yes"'), 'DELETED_INVALID', 900],
  ['7', 'RECORD_NOT_AN_OBJECT', null],
  ['{}', 'WP_USER_ID_MISSING', null],
  ['{"wp_user_id":900,"email":"a@shop.example"}', 'BALANCE_MISSING', 900],
];

describe('Bad records', () => {
  it('are rejected one by one with index, id, code and sentence, and the others go through', async (test) => {
    const shop = await startTestServer(test);
    const good = members(BAD_RECORDS.length).map((record) => JSON.stringify(record));
    const mixed = BAD_RECORDS.flatMap(([record], at) => [good[at], record]);
    const response = await shop.fetch(START, {
      method: 'POST',
      headers: JSON_TYPE,
      body: `[${mixed.join(',')}]`,
    });
    const { jobId } = (await response.json()) as { jobId: string };
    const job = await shop.waitFor(jobId, hasEnded);
    assert.deepEqual(
      [job.status, job.inserted, job.rejected],
      ['completed', good.length, BAD_RECORDS.length],
    );
    assert.equal(job.result?.count, good.length);
    const lines = (await (await shop.fetch(`/artly/sync/jobs/${jobId}/rejects`)).text()).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)).map(({ index, wp_user_id, code }) => [index, code, wp_user_id]),
      BAD_RECORDS.map(([, code, wpUserId], at) => [at * 2 + 1, code, wpUserId]),
    );
    for (const line of lines) assert.match(JSON.parse(line).message, /^\S.*\.$/);
    assert.equal((await shop.balances()).size, good.length);
  });

  it('alone make a job that is completed, rejected all of them, and says so', async (test) => {
    const shop = await startTestServer(test);
    const job = await shop.waitFor(await shop.start([1, 2, 3]), hasEnded);
    assert.deepEqual([job.status, job.progress, job.rejected, job.total], ['completed', 100, 3, 3]);
    assert.equal(job.stepMessage, 'Done, but all 3 records were rejected: see the reasons.');
    assert.deepEqual(job.result, { success: true, message: job.stepMessage, count: 0 });
    assert.equal((await shop.balances()).size, 0);
  });
});

describe('The old endpoint', () => {
  it('answers after all is applied, with the number accepted', async (test) => {
    const shop = await startTestServer(test);
    assert.deepEqual(await shop.call(OLD, members(120)), {
      status: 200,
      json: { success: true, updated: 120 },
    });
    assert.equal((await shop.balances()).size, 120);
    assert.deepEqual((await shop.call(OLD, members(120))).json, { success: true, updated: 120 });
  });

  it('names the rejected records', async (test) => {
    const shop = await startTestServer(test);
    const { status, json } = await shop.call(OLD, [
      ...members(2),
      { wp_user_id: 9, email: 'odd', points_balance: 1 },
    ]);
    assert.equal(status, 200);
    assert.equal(json.updated, 2);
    assert.deepEqual(json.errors, [
      {
        index: 2,
        wp_user_id: 9,
        code: 'EMAIL_INVALID',
        message: 'email is not an address like name@shop.example, of up to 254 characters.',
      },
    ]);
  });

  it('is a job like any other, in the list and in its turn', async (test) => {
    const shop = await startTestServer(test);
    const first = await shop.start(members(2_000));
    await shop.call(OLD, members(10, { balance: () => 1 }));
    const { json } = await shop.call('/artly/sync/jobs');
    const jobs = json.jobs as JobJson[];
    assert.equal(jobs.length, 2);
    assert.deepEqual([jobs[1]?.jobId, jobs[1]?.status], [first, 'completed']);
    assert.equal((await shop.balances()).get('1 points'), '1');
  });
});

/** What must hold in every version of a job that anyone can see. */
function assertTrueVersions(versions: JobJson[]): void {
  versions.forEach((job, at) => {
    const { inserted, updated, unchanged, rejected, processed, total, progress, status, version } = job;
    assert.equal(inserted + updated + unchanged + rejected, processed);
    assert.ok(processed <= total);
    assert.equal(progress === 100, status === 'completed');
    const before = versions[at - 1];
    if (before === undefined) return;
    if (version === before.version) assert.deepEqual(job, before);
    else assert.ok(version > before.version, `version ${version} came after ${before.version}`);
    assert.ok(processed >= before.processed);
  });
}

function bad(field: string, value: string): string {
  const good = { wp_user_id: 900, email: 'a@shop.example', points_balance: 1 };
  return JSON.stringify({ ...good, [field]: '<here>' }).replace('"<here>"', value);
}
