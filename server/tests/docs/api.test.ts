import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startTestServer } from '../support/testServer.ts';
import { endpointsOf } from './endpoints.ts';
import { type Message, runSteps, stepsOf } from './examples.ts';
import { readDoc, tableRows } from './markdown.ts';

const doc = readDoc('api.md');
const TICKET = /(?<="ticket": ?")[\w-]{43}(?=")/g;
const KEY = /artly_[0-9a-f]{16}_[\w-]{43}|artly_[0-9a-f]{16}_…/g;
const CURSOR = /"\d{13}-\d+"/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

describe('docs/api.md', () => {
  it('lists every endpoint of the server, and no other', async (test) => {
    const { server } = await startTestServer(test);
    const listed = tableRows(doc, 'call', 'does').map(([call]) => call as string);
    assert.deepEqual([...listed].sort(), endpointsOf(server.parts).sort());
  });

  it('has an example of every endpoint', () => {
    const requests = stepsOf(doc).flatMap((step) => ('request' in step ? [step.request.first] : []));
    for (const [call] of tableRows(doc, 'call', 'does')) {
      const pattern = new RegExp(`^${(call as string).replaceAll(/:\w+/g, '[^/?]+')}(\\?|$)`);
      assert.ok(
        requests.some((request) => pattern.test(request)),
        `${call} has no example`,
      );
    }
  });

  it('has examples that are true', async (test) => {
    let count = 0;
    await runSteps(test, stepsOf(doc), ({ request, answer }, real) => {
      count += 1;
      assert.equal(real.first, answer.first, `${request.first}: ${real.body}`);
      for (const [name, value] of Object.entries(answer.headers)) {
        assert.equal(real.headers[name.toLowerCase()], value, `${request.first}: ${name}`);
      }
      if (answer.body.split('\n').includes(LEFT_OUT)) assert.match(real.body, withGaps(answer.body));
      else assert.deepEqual(bodyOf(real), bodyOf(answer), request.first);
    });
    assert.ok(count >= 15, `only ${count} examples ran`);
  });
});

/** A line that stands for any number of others. */
const LEFT_OUT = '…';

function withGaps(body: string): RegExp {
  const lines = body
    .split('\n')
    .map((line) => (line === LEFT_OUT ? '(.*\n)*?.*' : line.replaceAll(/\W/gu, '\\$&')));
  return new RegExp(`^${lines.join('\n')}$`);
}

/** JSON as its value and other text as it is, with times, tickets and keys, which can't be foretold, made equal. */
function bodyOf({ body }: Message): unknown {
  const text = body
    .replaceAll(TIME, '<time>')
    .replaceAll(TICKET, '<ticket>')
    .replaceAll(KEY, '<key>')
    .replaceAll(CURSOR, '"<cursor>"')
    .replaceAll('\r\n', '\n');
  return text.startsWith('{') && !text.includes('}\n{') ? JSON.parse(text) : text;
}
