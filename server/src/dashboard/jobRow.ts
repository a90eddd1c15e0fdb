import type { Job, Status } from './api.ts';
import { button, element, setText } from './dom.ts';
import { ago, dateTime, duration, number, siteName } from './format.ts';
import { cancelJob, hasEnded } from './jobActions.ts';

export const STATUS_NAMES: Record<Status, string> = {
  pending: 'Waiting',
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export class StatusBadge {
  readonly root = element('span', { class: 'badge' });

  show(status: Status): void {
    this.root.dataset.status = status;
    setText(this.root, STATUS_NAMES[status]);
  }
}

/** One job in the list: it stays the same element while the job changes. */
export class JobRow {
  readonly root: HTMLLIElement;
  job: Job;
  readonly #badge = new StatusBadge();
  readonly #bar = element('progress', { max: 100 });
  readonly #percent = element('span', { class: 'percent' });
  readonly #count = element('span', { class: 'count' });
  readonly #step = element('span');
  readonly #when = element('time', { class: 'when' });
  readonly #rest = element('span', { class: 'rest' });
  readonly #cancel: HTMLButtonElement;

  constructor(job: Job) {
    this.job = job;
    const name = siteName(job.site.url);
    this.#cancel = button('Cancel', () => void cancelJob(this.job), {
      class: 'small',
      'aria-label': `Cancel the job of ${name}`,
    });
    this.#bar.setAttribute('aria-label', `Progress of the job of ${name}`);
    this.root = element(
      'li',
      { class: 'job', 'data-job': job.jobId },
      element(
        'div',
        { class: 'job-name' },
        element('a', { href: `/?job=${encodeURIComponent(job.jobId)}`, class: 'site' }, name),
      ),
      this.#badge.root,
      element('div', { class: 'job-progress' }, this.#bar, this.#percent),
      element('div', { class: 'job-numbers' }, this.#count, this.#rest),
      this.#when,
      element('div', { class: 'job-actions' }, this.#cancel),
      element('p', { class: 'step' }, element('span', { class: 'type' }, job.type), this.#step),
    );
    this.show(job);
  }

  /** Takes what is newer than what it shows. */
  show(job: Job): void {
    if (job.version < this.job.version) return;
    this.job = job;
    this.root.dataset.status = job.status;
    this.#badge.show(job.status);
    this.#bar.value = job.progress;
    setText(this.#percent, `${job.progress} %`);
    setText(this.#count, countOf(job));
    setText(this.#step, job.stepMessage);
    if (hasEnded(job) && this.#cancel.contains(document.activeElement)) this.link.focus();
    this.#cancel.hidden = hasEnded(job);
    this.tick();
  }

  get link(): HTMLAnchorElement {
    return this.root.querySelector('a') as HTMLAnchorElement;
  }

  tick(): void {
    const { createdAt, completedAt, startedAt, etaSeconds } = this.job;
    const at = completedAt ?? startedAt ?? createdAt ?? '';
    this.#when.dateTime = at;
    this.#when.title = dateTime(at);
    setText(this.#when, ago(at, Date.now()));
    setText(this.#rest, etaSeconds === null ? '' : `${duration(etaSeconds)} left`);
  }
}

function countOf({ status, processed, total, rejected }: Job): string {
  const count = status === 'completed' ? number(total) : `${number(processed)} / ${number(total)}`;
  return rejected > 0 ? `${count} · ${number(rejected)} rejected` : count;
}
