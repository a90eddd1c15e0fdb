import { firstRejects, type Job } from './api.ts';
import { element } from './dom.ts';
import { counted, number } from './format.ts';

const SHOWN = 20;

/** Why records were rejected: the first ones, and all of them as a file. */
export class RejectsList {
  readonly root = element('section', { class: 'card', hidden: true });
  #shown = 0;

  async show({ jobId, rejected }: Job): Promise<void> {
    this.root.hidden = rejected === 0;
    if (rejected === 0 || rejected === this.#shown) return;
    this.#shown = rejected;
    const rejects = await firstRejects(jobId, SHOWN);
    const rows = rejects.map(({ index, wp_user_id, code, message }) =>
      element(
        'tr',
        {},
        element('td', { class: 'number' }, number(index)),
        element('td', { class: 'number' }, wp_user_id === null ? '–' : String(wp_user_id)),
        element('td', {}, element('code', {}, code)),
        element('td', {}, message),
      ),
    );
    const head = ['Index', 'Member', 'Code', 'What is wrong'].map((text) =>
      element('th', { scope: 'col' }, text),
    );
    const path = `/operator/jobs/${encodeURIComponent(jobId)}/rejects`;
    this.root.replaceChildren(
      element('h2', {}, `${counted(rejected, 'rejected record')}`),
      element(
        'p',
        {},
        rejects.length < rejected ? `The first ${rejects.length}. All that are kept: ` : 'As a file: ',
        element('a', { href: `${path}?format=csv`, download: true }, 'CSV'),
        ' or ',
        element('a', { href: `${path}?format=ndjson`, download: true }, 'NDJSON'),
        '.',
      ),
      element(
        'div',
        { class: 'scrolling', tabindex: 0, role: 'region', 'aria-label': 'Rejected records' },
        element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows)),
      ),
    );
  }
}
