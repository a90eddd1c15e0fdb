import { get, type Job, type JobPage, type Overview, type Step } from './api.ts';
import { announce, button, element, setText } from './dom.ts';
import { short, siteName } from './format.ts';
import { JobFilters } from './jobFilters.ts';
import { JobRow } from './jobRow.ts';
import type { View } from './view.ts';

const PAGE = 50;
const TILES_EVERY_MS = 1_000;
/** Rows that may come in above those that were read: behind that, the list begins anew. */
const MOST_NEW = 200;
const DAY_MS = 86_400_000;

/** All jobs of all sites, newest first, as they move. */
export class JobsView implements View {
  readonly title = 'Jobs';
  readonly menu = 'jobs';
  readonly root: HTMLElement;
  readonly #filters: JobFilters;
  readonly #rows = new Map<string, JobRow>();
  readonly #list = element('ul', { class: 'jobs', 'aria-label': 'Jobs, newest first' });
  readonly #empty = element('div', { class: 'empty card', hidden: true });
  readonly #more: HTMLButtonElement;
  readonly #tiles = {
    running: tile('Running', '/?status=running'),
    pending: tile('Waiting', '/?status=pending'),
    failed: tile('Failed, 24 h', '/?status=failed&span=day'),
    records: tile('Records, 24 h', '/?view=activity'),
  };
  #cursor: string | null = null;
  #rowsRead = 0;
  #reading = 0;
  #hasSites = true;
  #tilesTimer: number | undefined;

  constructor(query: URLSearchParams) {
    this.#filters = new JobFilters(query, () => void this.#read());
    this.#more = button('Show older jobs', () => void this.#readMore(), { class: 'more', hidden: true });
    this.root = element(
      'div',
      {},
      element('h1', {}, 'Jobs'),
      element('ul', { class: 'tiles' }, ...Object.values(this.#tiles).map(({ root }) => root)),
      this.#filters.root,
      this.#list,
      this.#empty,
      this.#more,
    );
    void this.#read();
    void this.#readTiles();
  }

  jobs(jobs: Job[]): void {
    for (const job of jobs) this.#take(job);
    if (this.#rows.size > this.#rowsRead + MOST_NEW) void this.#read();
    this.#showEmpty();
    this.#tilesTimer ??= window.setTimeout(() => {
      this.#tilesTimer = undefined;
      void this.#readTiles();
    }, TILES_EVERY_MS);
  }

  reload(): void {
    void this.#read();
    void this.#readTiles();
  }

  tick(): void {
    for (const row of this.#rows.values()) row.tick();
  }

  close(): void {
    window.clearTimeout(this.#tilesTimer);
  }

  async #read(): Promise<void> {
    this.#reading += 1;
    const reading = this.#reading;
    const page = await get<JobPage>('/operator/jobs', { ...this.#filters.asked, limit: String(PAGE) });
    // Another choice was made meanwhile.
    if (reading !== this.#reading) return;
    const known = new Map(this.#rows);
    this.#rows.clear();
    for (const job of page.jobs) {
      const row = known.get(job.jobId) ?? new JobRow(job);
      row.show(job);
      this.#rows.set(job.jobId, row);
    }
    this.#list.replaceChildren(...[...this.#rows.values()].map(({ root }) => root));
    this.#showCursor(page.nextCursor);
    this.#showEmpty();
  }

  async #readMore(): Promise<void> {
    const page = await get<JobPage>('/operator/jobs', {
      ...this.#filters.asked,
      cursor: this.#cursor,
      limit: String(PAGE),
    });
    const before = this.#rows.size;
    for (const job of page.jobs) {
      if (this.#rows.has(job.jobId)) continue;
      const row = new JobRow(job);
      this.#rows.set(job.jobId, row);
      this.#list.append(row.root);
    }
    this.#showCursor(page.nextCursor);
    [...this.#rows.values()][before]?.link.focus();
  }

  #showCursor(cursor: string | null): void {
    this.#rowsRead = this.#rows.size;
    this.#cursor = cursor;
    this.#more.hidden = cursor === null;
  }

  #take(job: Job): void {
    const row = this.#rows.get(job.jobId);
    if (row !== undefined) {
      if (job.status === 'failed' && row.job.status !== 'failed') {
        announce(`The job of ${siteName(job.site.url)} has failed.`);
      }
      row.show(job);
      // Whoever has the focus there sees what became of it.
      if (!this.#filters.match(job) && !row.root.contains(document.activeElement)) this.#remove(row);
    } else if (this.#filters.match(job)) {
      this.#insert(job);
    }
  }

  #insert(job: Job): void {
    const rows = [...this.#rows.values()];
    const at = rows.findIndex(({ job: other }) => (other.createdAt ?? '') <= (job.createdAt ?? ''));
    // Older than all that is shown: it comes with the pages behind.
    if (at < 0 && this.#cursor !== null) return;
    const row = new JobRow(job);
    rows.splice(at < 0 ? rows.length : at, 0, row);
    this.#list.insertBefore(row.root, at < 0 ? null : (this.#list.children[at] ?? null));
    this.#rows.clear();
    for (const each of rows) this.#rows.set(each.job.jobId, each);
  }

  #remove(row: JobRow): void {
    this.#rows.delete(row.job.jobId);
    row.root.remove();
  }

  async #readTiles(): Promise<void> {
    const now = Date.now();
    const [overview, { steps }] = await Promise.all([
      get<Overview>('/operator/overview'),
      get<{ steps: Step[] }>('/operator/activity', {
        from: new Date(now - DAY_MS).toISOString(),
        to: new Date(now + 60_000).toISOString(),
        step: 'hour',
      }),
    ]);
    const sum = (pick: (step: Step) => number) => steps.reduce((total, step) => total + pick(step), 0);
    this.#tiles.running.show(overview.running);
    this.#tiles.pending.show(overview.pending);
    this.#tiles.failed.show(sum(({ failed }) => failed));
    this.#tiles.records.show(sum(({ records }) => records));
    this.#hasSites = overview.hasSites;
    this.#filters.offerTypes(overview.types);
    this.#showEmpty();
  }

  #showEmpty(): void {
    const nothing = this.#rows.size === 0 && this.#reading > 0;
    this.#empty.hidden = !nothing;
    this.#list.hidden = nothing;
    // There is nothing to choose from yet.
    this.#filters.root.hidden = nothing && !this.#filters.isSet;
    if (!nothing) return;
    this.#empty.replaceChildren(...emptyState({ filtered: this.#filters.isSet, hasSites: this.#hasSites }));
  }
}

function tile(text: string, href: string): { root: HTMLElement; show: (value: number) => void } {
  const value = element('span', { class: 'tile-value' }, '–');
  const link = element(
    'a',
    { href, class: 'tile card' },
    value,
    element('span', { class: 'tile-name' }, text),
  );
  return { root: element('li', {}, link), show: (number) => setText(value, short(number)) };
}

function emptyState({ filtered, hasSites }: { filtered: boolean; hasSites: boolean }): HTMLElement[] {
  if (filtered) {
    return [
      element('h2', {}, 'No job is like that'),
      element(
        'p',
        {},
        'Choose another state, site or time, or ',
        element('a', { href: '/' }, 'see all jobs'),
        '.',
      ),
    ];
  }
  if (!hasSites) {
    return [
      element('h2', {}, 'Let your first shop in'),
      element('p', {}, 'A shop needs a key to send its points. You make one with the address of the shop.'),
      element('a', { href: '/?view=sites', class: 'button primary' }, 'Add a site'),
    ];
  }
  return [
    element('h2', {}, 'No job yet'),
    element(
      'p',
      {},
      'In the WordPress of a shop, open Artly Sync and press “Sync Points Balances”. The job appears here at once.',
    ),
    element('a', { href: '/?view=sites', class: 'button' }, 'See the sites and when each was last seen'),
  ];
}
