import { element } from './dom.ts';

const HOUR_MS = 3_600_000;
const SPANS: [string, string, number][] = [
  ['hour', 'Last hour', HOUR_MS],
  ['day', 'Last 24 hours', 24 * HOUR_MS],
  ['week', 'Last 7 days', 7 * 24 * HOUR_MS],
  ['month', 'Last 30 days', 30 * 24 * HOUR_MS],
];
/** The two days stand in fields of their own. */
const DAYS = 'days';

/** From when to when: milliseconds since 1970, the end not included; null where it is open. */
interface Span {
  from: number | null;
  to: number | null;
}

/** When a job was created: in the last hours or days, or between two days. */
export class TimeFilter {
  readonly select: HTMLSelectElement;
  readonly days: HTMLElement;
  readonly #from = element('input', { id: 'filter-from', type: 'date' });
  readonly #to = element('input', { id: 'filter-to', type: 'date' });

  constructor(query: URLSearchParams) {
    const options: [string, string][] = [
      ['', 'Any time'],
      ...SPANS.map(([id, text]): [string, string] => [id, text]),
      [DAYS, 'Between two days'],
    ];
    this.select = element(
      'select',
      { id: 'filter-span' },
      ...options.map(([value, text]) =>
        element('option', { value, selected: value === (query.get('span') ?? '') }, text),
      ),
    );
    this.#from.value = query.get('from') ?? '';
    this.#to.value = query.get('to') ?? '';
    this.days = element(
      'div',
      { class: 'days', hidden: query.get('span') !== DAYS },
      element('div', { class: 'field' }, element('label', { for: 'filter-from' }, 'From'), this.#from),
      element('div', { class: 'field' }, element('label', { for: 'filter-to' }, 'To'), this.#to),
    );
  }

  /** What is chosen, as it stands in the address. */
  take(): Record<'span' | 'from' | 'to', string> {
    const byDays = this.select.value === DAYS;
    this.days.hidden = !byDays;
    return {
      span: this.select.value,
      from: byDays ? this.#from.value : '',
      to: byDays ? this.#to.value : '',
    };
  }
}

export function spanOf(query: URLSearchParams): Span {
  const id = query.get('span');
  if (id === DAYS) return { from: midnight(query.get('from'), 0), to: midnight(query.get('to'), 1) };
  const length = SPANS.find(([span]) => span === id)?.[2];
  return { from: length === undefined ? null : Date.now() - length, to: null };
}

/** Of this place, `daysLater` days after the day. */
function midnight(day: string | null, daysLater: number): number | null {
  const at = day === null ? Number.NaN : new Date(`${day}T00:00:00`).getTime();
  if (Number.isNaN(at)) return null;
  const date = new Date(at);
  date.setDate(date.getDate() + daysLater);
  return date.getTime();
}
