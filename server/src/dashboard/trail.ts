import type { AuditEntry } from './api.ts';
import { type Child, element } from './dom.ts';
import { dateTime } from './format.ts';

const EVENTS: Record<string, string> = {
  created: 'Created',
  committed: 'All parts were sent',
  started: 'Started',
  resumed: 'Went on',
  postponed: 'Postponed after a failure that may pass',
  completed: 'Completed',
  failed: 'Failed',
  abandoned: 'Given up: nothing more came',
  cancelled: 'Cancelled',
  retried: 'Tried again',
  mended: 'Its rejected records were tried again',
};

const JOB_ID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/;

/** Who did what, when, and from where. */
export function trailOf(audit: AuditEntry[]): HTMLElement {
  const entries = audit.map((entry) =>
    element(
      'li',
      { class: 'trail-entry', 'data-event': entry.event },
      element('time', { datetime: entry.at }, dateTime(entry.at)),
      element(
        'div',
        {},
        element('strong', {}, EVENTS[entry.event] ?? entry.event),
        element(
          'span',
          { class: 'muted' },
          ` by ${entry.actor}${entry.ip === null ? '' : ` from ${entry.ip}`} · attempt ${entry.attempt}`,
        ),
        entry.detail !== null && element('p', { class: 'detail' }, ...linked(entry.detail)),
      ),
    ),
  );
  return element('ol', { class: 'trail' }, ...entries);
}

/** The jobId of another job leads to it. */
function linked(detail: string): Child[] {
  // Splitting by a group gives what it matched at each odd place.
  return detail
    .split(JOB_ID)
    .map((piece, at) => (at % 2 === 0 ? piece : element('a', { href: `/?job=${piece}` }, piece)));
}
