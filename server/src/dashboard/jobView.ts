import { get, type Job, Refusal, type WholeJob } from './api.ts';
import { AttemptsList } from './attempts.ts';
import { announce, button, element, setText } from './dom.ts';
import { dateTime, duration, number, siteName } from './format.ts';
import { cancelJob, hasEnded, retryJob, retryRejects } from './jobActions.ts';
import { StatusBadge } from './jobRow.ts';
import { RejectsList } from './rejects.ts';
import { SpeedChart } from './speed.ts';
import { trailOf } from './trail.ts';
import type { View } from './view.ts';

/** All of one job, as it moves. */
export class JobView implements View {
  readonly title = 'Job';
  readonly menu = 'jobs';
  readonly root: HTMLElement;
  readonly #jobId: string;
  readonly #go: (href: string) => void;
  readonly #heading = element('h1', {}, 'Job');
  readonly #badge = new StatusBadge();
  readonly #subtitle = element('p', { class: 'muted subtitle' });
  readonly #bar = element('progress', { max: 100, 'aria-label': 'Progress' });
  readonly #percent = element('span', { class: 'percent' });
  readonly #step = element('p', { class: 'step' });
  readonly #error = element('p', { class: 'problem', hidden: true });
  readonly #cancel = button('Cancel the job', () => void this.#do(cancelJob), {
    class: 'danger',
    hidden: true,
  });
  readonly #retry = button('Try again', () => void this.#do(retryJob), { class: 'primary', hidden: true });
  readonly #retryRejects = button('Try the rejected again', () => void this.#tryRejects(), { hidden: true });
  readonly #gone = element(
    'p',
    { class: 'muted', hidden: true },
    'It can’t be tried again: its records are kept for an hour after the end. Start it anew in the shop.',
  );
  readonly #facts = element('dl', { class: 'facts' });
  readonly #speed = new SpeedChart();
  readonly #rejects = new RejectsList();
  readonly #attempts = new AttemptsList();
  readonly #trail = element('section', { class: 'card' });
  readonly #body: HTMLElement;
  #job: Job | undefined;

  constructor(jobId: string, go: (href: string) => void) {
    this.#jobId = jobId;
    this.#go = go;
    this.#body = element(
      'div',
      { class: 'job-page', hidden: true },
      element(
        'section',
        { class: 'card now', 'aria-label': 'Now' },
        element('div', { class: 'now-bar' }, this.#bar, this.#percent),
        this.#step,
        this.#error,
        this.#facts,
        element('div', { class: 'actions' }, this.#cancel, this.#retry, this.#retryRejects),
        this.#gone,
      ),
      this.#speed.root,
      this.#rejects.root,
      element('div', { class: 'history' }, this.#attempts.root, this.#trail),
    );
    this.root = element(
      'div',
      {},
      element('p', { class: 'back' }, element('a', { href: '/' }, '← All jobs')),
      element('div', { class: 'title' }, this.#heading, this.#badge.root),
      this.#subtitle,
      this.#body,
    );
    void this.#read();
  }

  jobs(jobs: Job[]): void {
    const job = jobs.find(({ jobId }) => jobId === this.#jobId);
    if (job === undefined || this.#job === undefined || job.version <= this.#job.version) return;
    const moved = job.status !== this.#job.status || job.attempt !== this.#job.attempt;
    this.#show(job);
    this.#speed.add(job);
    // A move stands in the trail, and ends or begins what can be done.
    if (moved) void this.#read();
    if (moved) announce(`${STATES_SAID[job.status]} ${job.stepMessage}`);
  }

  reload(): void {
    void this.#read();
  }

  tick(): void {
    if (this.#job !== undefined) this.#show(this.#job);
  }

  close(): void {
    this.#speed.close();
  }

  async #read(): Promise<void> {
    const path = `/operator/jobs/${encodeURIComponent(this.#jobId)}`;
    const whole = await get<WholeJob>(path).catch((error: unknown) => {
      if (error instanceof Refusal && error.code === 'JOB_NOT_FOUND') return undefined;
      throw error;
    });
    if (whole === undefined) return this.#showNone();
    this.#body.hidden = false;
    if (this.#job === undefined || whole.job.version >= this.#job.version) this.#show(whole.job);
    this.#speed.show(whole.samples);
    this.#retry.hidden = !whole.retryable;
    this.#retryRejects.hidden = !whole.rejectsRetryable;
    this.#gone.hidden = whole.retryable || !mayNeedRetry(whole.job);
    this.#attempts.show(whole.attempts, whole.job);
    this.#trail.replaceChildren(element('h2', {}, 'Trail'), trailOf(whole.audit));
  }

  #showNone(): void {
    setText(this.#heading, 'There is no such job');
    setText(this.#subtitle, 'It may be older than the days for which jobs are kept.');
  }

  #show(job: Job): void {
    this.#job = job;
    setText(this.#heading, siteName(job.site.url));
    setText(this.#subtitle, `${job.type} · ${job.jobId}`);
    this.#badge.show(job.status);
    this.#bar.value = job.progress;
    this.#bar.dataset.status = job.status;
    setText(this.#percent, `${job.progress} %`);
    setText(this.#step, job.stepMessage);
    this.#error.hidden = job.error === null;
    setText(this.#error, job.error === null ? '' : `${job.error.code}: ${job.error.message}`);
    if (hasEnded(job) && this.#cancel.contains(document.activeElement)) this.#heading.focus();
    this.#cancel.hidden = hasEnded(job);
    if (!hasEnded(job)) this.#retry.hidden = this.#retryRejects.hidden = this.#gone.hidden = true;
    this.#attempts.update(job);
    this.#facts.replaceChildren(...factsOf(job).map(([name, value]) => fact(name, value)));
    void this.#rejects.show(job);
  }

  async #tryRejects(): Promise<void> {
    await this.#do(async (job) => {
      const started = await retryRejects(job);
      if (started !== undefined) this.#go(`/?job=${encodeURIComponent(started)}`);
      // It may have been refused, say as the records are no longer kept.
      else await this.#read();
    });
  }

  async #do(action: (job: Job) => Promise<void>): Promise<void> {
    if (this.#job === undefined) return;
    this.#heading.setAttribute('tabindex', '-1');
    await action(this.#job);
    if (document.activeElement === document.body) this.#heading.focus();
  }
}

const STATES_SAID: Record<Job['status'], string> = {
  pending: 'The job waits.',
  running: 'The job runs.',
  completed: 'The job is completed.',
  failed: 'The job has failed.',
  cancelled: 'The job is cancelled.',
};

function mayNeedRetry({ status }: Job): boolean {
  return status === 'failed' || status === 'cancelled';
}

function factsOf(job: Job): [string, string][] {
  const facts: [string, string | null][] = [
    ['Records', `${number(job.processed)} of ${number(job.total)}`],
    ['New', number(job.inserted)],
    ['Changed', number(job.updated)],
    ['Unchanged', number(job.unchanged)],
    ['Rejected', number(job.rejected)],
    ['Attempt', number(job.attempt)],
    ['Created', job.createdAt && dateTime(job.createdAt)],
    ['Started', job.startedAt && dateTime(job.startedAt)],
    ['Ended', job.completedAt && dateTime(job.completedAt)],
    [job.completedAt === null ? 'Running for' : 'Took', tookOf(job)],
    ['Time left', job.etaSeconds === null ? null : `about ${duration(job.etaSeconds)}`],
  ];
  return facts.filter((entry): entry is [string, string] => entry[1] !== null);
}

function tookOf({ startedAt, completedAt }: Job): string | null {
  if (startedAt === null) return null;
  const until = completedAt === null ? Date.now() : Date.parse(completedAt);
  return duration((until - Date.parse(startedAt)) / 1000);
}

function fact(name: string, value: string): HTMLElement {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value));
}
