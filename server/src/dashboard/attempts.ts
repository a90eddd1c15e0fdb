import type { Attempt, Job } from './api.ts';
import { element, setText } from './dom.ts';
import { dateTime, duration, number } from './format.ts';

const COUNTS = ['inserted', 'updated', 'unchanged', 'rejected'] as const;
type Counts = Pick<Attempt, (typeof COUNTS)[number]>;

const OUTCOMES: Record<Attempt['outcome'], { name: string; status: Job['status'] }> = {
  running: { name: 'Running', status: 'running' },
  postponed: { name: 'Postponed', status: 'pending' },
  interrupted: { name: 'Interrupted', status: 'pending' },
  completed: { name: 'Completed', status: 'completed' },
  failed: { name: 'Failed', status: 'failed' },
  cancelled: { name: 'Cancelled', status: 'cancelled' },
};

/** What each attempt of a job did, and why it ended. */
export class AttemptsList {
  readonly root = element('section', { class: 'card', hidden: true });
  /** The counts of the attempt that runs, and what of the job they don't have. */
  #running: { counts: HTMLElement; before: Counts } | undefined;

  show(attempts: Attempt[], job: Job): void {
    this.root.hidden = attempts.length === 0;
    this.#running = undefined;
    const entries = attempts.map((attempt) => {
      const counts = element('p', { class: 'counts' }, countsOf(attempt));
      if (attempt.endedAt === null) this.#running = { counts, before: difference(job, attempt) };
      return entryOf(attempt, counts);
    });
    this.root.replaceChildren(
      element('h2', {}, 'Attempts'),
      element('p', { class: 'muted' }, 'What each attempt did and why it ended.'),
      element('ol', { class: 'attempts' }, ...entries),
    );
  }

  /** The job moves on, and with it the attempt that runs. */
  update(job: Job): void {
    if (this.#running !== undefined)
      setText(this.#running.counts, countsOf(difference(job, this.#running.before)));
  }
}

function entryOf(
  { attempt, startedAt, endedAt, outcome, reason }: Attempt,
  counts: HTMLElement,
): HTMLElement {
  const { name, status } = OUTCOMES[outcome];
  return element(
    'li',
    { class: 'attempt', 'data-status': status },
    element('h3', {}, `Attempt ${attempt}`),
    element('span', { class: 'badge', 'data-status': status }, name),
    element(
      'p',
      { class: 'muted' },
      element('time', { datetime: startedAt }, dateTime(startedAt)),
      endedAt === null ? ', still running' : `, took ${duration(secondsBetween(startedAt, endedAt))}`,
    ),
    counts,
    reason !== null && element('p', { class: 'detail' }, reason),
  );
}

function countsOf({ inserted, updated, unchanged, rejected }: Counts): string {
  return `${number(inserted)} new, ${number(updated)} changed, ${number(unchanged)} unchanged, ${number(rejected)} rejected`;
}

function difference(whole: Counts, part: Counts): Counts {
  return Object.fromEntries(COUNTS.map((name) => [name, whole[name] - part[name]])) as Counts;
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
