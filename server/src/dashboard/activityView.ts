import { get, type Job, type Step } from './api.ts';
import { Chart } from './charts.ts';
import { element, listening } from './dom.ts';
import { counted, dateTime, number } from './format.ts';
import type { View } from './view.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const READ_EVERY_MS = 2_000;

interface Range {
  id: string;
  name: string;
  step: 'minute' | 'hour' | 'day';
  stepMs: number;
  steps: number;
}

const RANGES: Range[] = [
  { id: 'hour', name: 'Last hour', step: 'minute', stepMs: MINUTE_MS, steps: 60 },
  { id: 'day', name: 'Last 24 hours', step: 'hour', stepMs: HOUR_MS, steps: 24 },
  { id: 'week', name: 'Last 7 days', step: 'hour', stepMs: HOUR_MS, steps: 7 * 24 },
  { id: 'month', name: 'Last 30 days', step: 'day', stepMs: DAY_MS, steps: 30 },
  { id: 'quarter', name: 'Last 90 days', step: 'day', stepMs: DAY_MS, steps: 90 },
];
const USUAL = RANGES[1] as Range;

/** Throughput and failures over time. */
export class ActivityView implements View {
  readonly title = 'Activity';
  readonly menu = 'activity';
  readonly root: HTMLElement;
  readonly #records = new Chart('Records', 'bars');
  readonly #jobs = new Chart('Ended jobs', 'bars');
  readonly #table = element('tbody');
  readonly #empty = element('div', { class: 'empty card', hidden: true });
  readonly #charts: HTMLElement;
  readonly #siteId: string | null;
  readonly #siteName: string | null;
  #range: Range;
  #timer: number | undefined;

  constructor(query: URLSearchParams) {
    this.#range = RANGES.find(({ id }) => id === query.get('range')) ?? USUAL;
    this.#siteId = query.get('site');
    this.#siteName = query.get('siteName');
    const range = listening(
      element(
        'select',
        { id: 'range' },
        ...RANGES.map(({ id, name }) =>
          element('option', { value: id, selected: id === this.#range.id }, name),
        ),
      ),
      { change: (event) => this.#choose((event.target as HTMLSelectElement).value) },
    );
    this.#charts = element(
      'div',
      { class: 'charts' },
      this.#records.root,
      this.#jobs.root,
      element(
        'details',
        { class: 'card' },
        element('summary', {}, 'The same as a table'),
        tableOf(this.#table),
      ),
    );
    this.root = element(
      'div',
      {},
      element(
        'div',
        { class: 'title' },
        element('h1', {}, 'Activity'),
        element('div', { class: 'field inline' }, element('label', { for: 'range' }, 'Time'), range),
      ),
      this.#siteId !== null && siteLine(this.#siteName ?? `site ${this.#siteId}`),
      this.#empty,
      this.#charts,
    );
    void this.#read();
  }

  jobs(jobs: Job[]): void {
    if (jobs.some(({ completedAt }) => completedAt !== null)) this.reload();
  }

  reload(): void {
    this.#timer ??= window.setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, READ_EVERY_MS);
  }

  tick(): void {
    this.reload();
  }

  close(): void {
    window.clearTimeout(this.#timer);
    this.#records.close();
    this.#jobs.close();
  }

  #choose(id: string): void {
    this.#range = RANGES.find((range) => range.id === id) ?? USUAL;
    const query = new URLSearchParams(location.search);
    query.set('range', this.#range.id);
    history.replaceState(null, '', `/?${query}`);
    void this.#read();
  }

  async #read(): Promise<void> {
    const range = this.#range;
    const to = endOfStep(range);
    const { steps } = await get<{ steps: Step[] }>('/operator/activity', {
      from: new Date(to - range.steps * range.stepMs).toISOString(),
      to: new Date(to).toISOString(),
      step: range.step,
      site: this.#siteId,
    });
    if (range === this.#range) this.#show(steps);
  }

  #show(steps: Step[]): void {
    const sum = (pick: (step: Step) => number) => steps.reduce((total, step) => total + pick(step), 0);
    const [completed, failed, cancelled] = [
      sum((step) => step.completed),
      sum((step) => step.failed),
      sum((step) => step.cancelled),
    ];
    const none = completed + failed + cancelled === 0;
    this.#empty.hidden = !none;
    this.#charts.hidden = none;
    if (none) this.#empty.replaceChildren(...nothingEnded(this.#range));
    if (none) return;
    const times = steps.map(({ at }) => Date.parse(at) / 1000);
    const layer = (name: string, colour: string, pick: (step: Step) => number) => ({
      name,
      colour,
      values: steps.map(pick),
    });
    this.#records.show(
      {
        times,
        layers: [
          layer('accepted', '--accent', ({ records, rejected }) => records - rejected),
          layer('rejected', '--failed', ({ rejected }) => rejected),
        ],
      },
      `${counted(
        sum(({ records }) => records),
        'record',
      )}, ${number(sum(({ rejected }) => rejected))} of them rejected, by the time at which their job ended.`,
    );
    this.#jobs.show(
      {
        times,
        layers: [
          layer('completed', '--completed', (step) => step.completed),
          layer('failed', '--failed', (step) => step.failed),
          layer('cancelled', '--cancelled', (step) => step.cancelled),
        ],
      },
      `${number(completed)} completed, ${number(failed)} failed, ${number(cancelled)} cancelled.`,
    );
    this.#table.replaceChildren(...steps.filter(isAny).map(rowOf));
  }
}

function siteLine(name: string): HTMLElement {
  const all = element('a', { href: '/?view=activity' }, 'See all sites');
  return element('p', { class: 'muted subtitle' }, `Of ${name} alone. `, all);
}

/** The end of the step that runs, by the clock of this place. */
function endOfStep({ stepMs }: Range): number {
  const offsetMs = new Date().getTimezoneOffset() * MINUTE_MS;
  return Math.ceil((Date.now() + 1 - offsetMs) / stepMs) * stepMs + offsetMs;
}

function isAny({ completed, failed, cancelled }: Step): boolean {
  return completed + failed + cancelled > 0;
}

function rowOf({ at, completed, failed, cancelled, records, rejected }: Step): HTMLElement {
  const numbers = [completed, failed, cancelled, records, rejected];
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, dateTime(at)),
    ...numbers.map((value) => element('td', { class: 'number' }, number(value))),
  );
}

function tableOf(body: HTMLElement): HTMLElement {
  const names = ['From', 'Completed', 'Failed', 'Cancelled', 'Records', 'Rejected'];
  const head = names.map((text, at) => element('th', { scope: 'col', class: at > 0 && 'number' }, text));
  return element(
    'div',
    { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': 'Activity as a table' },
    element('table', {}, element('thead', {}, element('tr', {}, ...head)), body),
  );
}

function nothingEnded({ name }: Range): HTMLElement[] {
  return [
    element('h2', {}, 'Nothing ended in this time'),
    element(
      'p',
      {},
      `${name}: no job came to its end. Choose a longer time, or `,
      element('a', { href: '/' }, 'see what runs'),
      '.',
    ),
  ];
}
