import type { TestContext } from 'node:test';
import { withMethods } from '../http/spies.ts';
import { hasEnded, startTestServer } from '../support/testServer.ts';

/**
 * The examples of a document: blocks marked `http`, a request and the answer to it in turns. Comments in the
 * Markdown say when the worker rests, so that there are pending jobs to show, and when it goes on.
 */
export type Step = { worker: 'rests' | 'goes on' } | { request: Message; answer: Message };

export interface Message {
  /** `POST /path` or `HTTP/1.1 200`. */
  first: string;
  headers: Record<string, string>;
  body: string;
}

const STEP = /<!-- the worker (rests|goes on) -->|^```http\n(.*?)^```$/gms;

export function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  let request: Message | undefined;
  for (const [, worker, block] of markdown.matchAll(STEP)) {
    if (worker !== undefined) {
      steps.push({ worker: worker as 'rests' | 'goes on' });
    } else if (request === undefined) {
      request = messageOf(block as string);
    } else {
      steps.push({ request, answer: messageOf(block as string) });
      request = undefined;
    }
  }
  return steps;
}

function messageOf(block: string): Message {
  const [head = '', ...body] = block.split('\n\n');
  const [first = '', ...lines] = head.trim().split('\n');
  const headers = Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]));
  return { first, headers, body: body.join('\n\n').trim() };
}

/** As the examples write it. */
const OPERATOR_TOKEN = 'the-token-of-the-operator';

/** Runs the examples one after the other on a server of their own, and tells what it really answered to each. */
export async function runSteps(
  test: TestContext,
  steps: Step[],
  check: (step: { request: Message; answer: Message }, real: Message) => void,
): Promise<void> {
  let resting = false;
  const shop = await startTestServer(test, {
    environment: { ARTLY_ADMIN_TOKEN: OPERATOR_TOKEN },
    wrapStorage: withMethods((real) => ({ claim: async (job) => (resting ? undefined : real.claim(job)) })),
  });
  const names = new Map<string, string>();
  for (const step of steps) {
    if ('worker' in step) {
      resting = step.worker === 'rests';
      continue;
    }
    const { first, headers, body } = renamed(step.request, names);
    const [method = '', path = ''] = first.split(' ');
    const response = await shop.fetch(path, { method, headers, ...(body !== '' && { body }) });
    const real = {
      first: `HTTP/1.1 ${response.status}`,
      headers: Object.fromEntries(response.headers),
      body: await bodyOf(response),
    };
    learnNames(names, step.answer, real);
    check({ request: step.request, answer: renamed(step.answer, names) }, real);
    const jobId = response.status === 202 ? (JSON.parse(real.body) as { jobId: string }).jobId : undefined;
    if (jobId !== undefined && !resting) await shop.waitFor(jobId, hasEnded);
  }
}

/** A stream that goes on for ever is read up to its first event. */
async function bodyOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
    return (await response.text()).trim();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  while (!/^data: .*\n\n/m.test(text)) text += Buffer.from((await reader.read()).value ?? []).toString();
  await reader.cancel();
  return text.trim();
}

const JOB_ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** A jobId of the document stands for the real one that came in its place. */
function learnNames(names: Map<string, string>, written: Message, real: Message): void {
  const realIds = real.body.match(JOB_ID) ?? [];
  (written.body.match(JOB_ID) ?? []).forEach((name, at) => {
    const id = realIds[at];
    if (id !== undefined && !names.has(name)) names.set(name, id);
  });
}

function renamed({ first, headers, body }: Message, names: Map<string, string>): Message {
  const rename = (text: string) => text.replaceAll(JOB_ID, (name) => names.get(name) ?? name);
  return { first: rename(first), headers, body: rename(body) };
}
