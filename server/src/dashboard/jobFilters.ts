import { get, type Job, type Site, type SitePage } from './api.ts';
import { element, labelled, listening } from './dom.ts';
import { siteName } from './format.ts';
import { STATUS_NAMES } from './jobRow.ts';
import { spanOf, TimeFilter } from './timeFilter.ts';

const SITES_OFFERED = 20;

/** Which jobs are shown. It stands in the address, so that it can be kept, shared and gone back to. */
export class JobFilters {
  readonly root: HTMLFormElement;
  readonly #site = element('input', {
    id: 'filter-site',
    type: 'search',
    placeholder: 'All sites',
    list: 'filter-sites',
    autocomplete: 'off',
  });
  readonly #offered = element('datalist', { id: 'filter-sites' });
  readonly #type: HTMLSelectElement;
  readonly #status: HTMLSelectElement;
  readonly #time: TimeFilter;
  readonly #clear: HTMLAnchorElement;
  #sites: Site[] = [];
  readonly #changed: () => void;
  readonly query: URLSearchParams;

  constructor(query: URLSearchParams, changed: () => void) {
    this.query = query;
    this.#changed = changed;
    this.#type = choice('filter-type', 'All types', [], null);
    this.offerTypes([]);
    this.#status = choice('filter-status', 'All states', Object.entries(STATUS_NAMES), query.get('status'));
    this.#time = new TimeFilter(query);
    this.#site.value = query.get('siteName') ?? '';
    this.#clear = element('a', { href: '/', class: 'clear', hidden: !this.isSet }, 'Clear filters');
    this.root = listening(
      element(
        'form',
        { class: 'filters', role: 'search', 'aria-label': 'Filter jobs' },
        labelled('Site', this.#site, this.#offered),
        labelled('Type', this.#type),
        labelled('State', this.#status),
        labelled('Time', this.#time.select),
        this.#time.days,
        this.#clear,
      ),
      {
        submit: (event) => event.preventDefault(),
        change: () => void this.#take(),
        input: (event) => event.target === this.#site && void this.#offerSites(),
        focusin: (event) => event.target === this.#site && void this.#offerSites(),
      },
    );
  }

  get isSet(): boolean {
    return ['site', 'type', 'status', 'span'].some((name) => this.query.has(name));
  }

  /** As the API takes it. */
  get asked(): Record<string, string | null> {
    const { from, to } = spanOf(this.query);
    return {
      site: this.query.get('site'),
      type: this.query.get('type'),
      status: this.query.get('status'),
      from: from === null ? null : new Date(from).toISOString(),
      to: to === null ? null : new Date(to).toISOString(),
    };
  }

  /** Whether a job that has just changed belongs into the list. */
  match(job: Job): boolean {
    const wants = (name: string, value: string) => (this.query.get(name) ?? value) === value;
    const { from, to } = spanOf(this.query);
    const created = Date.parse(job.createdAt ?? '');
    return (
      wants('site', String(job.site.siteId)) &&
      wants('type', job.type) &&
      wants('status', job.status) &&
      created >= (from ?? -Infinity) &&
      created < (to ?? Infinity)
    );
  }

  /** These types of jobs there are; what is chosen stays chosen. */
  offerTypes(types: string[]): void {
    const chosen = this.query.get('type');
    const names = chosen === null || types.includes(chosen) ? types : [...types, chosen];
    const known = new Set([...this.#type.options].map(({ value }) => value));
    this.#type.append(
      ...names
        .filter((name) => !known.has(name))
        .map((name) => element('option', { value: name, selected: name === chosen }, name)),
    );
  }

  async #offerSites(): Promise<void> {
    const text = this.#site.value;
    const page = await get<SitePage>('/operator/sites', { search: text, limit: String(SITES_OFFERED) });
    if (text !== this.#site.value) return;
    this.#sites = page.sites;
    this.#offered.replaceChildren(
      ...page.sites.map(({ url }) => element('option', { value: siteName(url) })),
    );
  }

  async #take(): Promise<void> {
    const name = this.#site.value.trim();
    if (name !== '' && name !== this.query.get('siteName')) await this.#offerSites();
    const site =
      this.#sites.find(({ url }) => siteName(url) === name) ?? (name === '' ? undefined : this.#sites[0]);
    this.#set(
      'site',
      name === '' ? '' : site === undefined ? (this.query.get('site') ?? '0') : String(site.siteId),
    );
    this.#set('siteName', site === undefined ? name : siteName(site.url));
    this.#site.value = this.query.get('siteName') ?? '';
    this.#set('type', this.#type.value);
    this.#set('status', this.#status.value);
    for (const [name, value] of Object.entries(this.#time.take())) this.#set(name, value);
    const text = this.query.toString();
    history.replaceState(null, '', text === '' ? '/' : `/?${text}`);
    this.#clear.hidden = !this.isSet;
    this.#changed();
  }

  #set(name: string, value: string): void {
    if (value === '') this.query.delete(name);
    else this.query.set(name, value);
  }
}

function choice(
  id: string,
  all: string,
  options: [string, string][],
  chosen: string | null,
): HTMLSelectElement {
  return element(
    'select',
    { id },
    element('option', { value: '' }, all),
    ...options.map(([value, text]) => element('option', { value, selected: value === chosen }, text)),
  );
}
