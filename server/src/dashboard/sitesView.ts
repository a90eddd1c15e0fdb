import { call, get, type Removal, type Site, type SitePage } from './api.ts';
import { confirmed, sentenceOf, showKey } from './dialogs.ts';
import { button, element, labelled, listening } from './dom.ts';
import { ago, counted, dateTime, siteName } from './format.ts';
import type { View } from './view.ts';

const PAGE = 50;
const TYPING_MS = 200;

/** Which shops may send jobs: let one in, give one a new key, revoke one, remove one. */
export class SitesView implements View {
  readonly title = 'Sites';
  readonly menu = 'sites';
  readonly root: HTMLElement;
  readonly #list = element('ul', { class: 'sites', 'aria-label': 'Sites' });
  readonly #empty = element('div', { class: 'empty card', hidden: true });
  readonly #more = button('Show more sites', () => void this.#read(this.#cursor), {
    class: 'more',
    hidden: true,
  });
  readonly #removed = element('p', { class: 'done', tabindex: -1, hidden: true });
  readonly #search = element('input', { id: 'search', type: 'search', placeholder: 'Part of the address' });
  readonly #form: AddSiteForm;
  #cursor: string | null = null;
  #typing: number | undefined;

  constructor() {
    this.#form = new AddSiteForm(() => void this.#read());
    const search = listening(
      element(
        'form',
        { class: 'filters', role: 'search', 'aria-label': 'Search sites' },
        labelled('Search', this.#search),
      ),
      { submit: (event) => event.preventDefault(), input: () => this.#searchSoon() },
    );
    this.root = element(
      'div',
      {},
      element('h1', {}, 'Sites'),
      this.#form.root,
      this.#removed,
      search,
      this.#list,
      this.#empty,
      this.#more,
    );
    void this.#read();
  }

  reload(): void {
    void this.#read();
  }

  close(): void {
    window.clearTimeout(this.#typing);
  }

  #searchSoon(): void {
    window.clearTimeout(this.#typing);
    this.#typing = window.setTimeout(() => void this.#read(), TYPING_MS);
  }

  async #read(cursor: string | null = null): Promise<void> {
    const search = this.#search.value;
    const page = await get<SitePage>('/operator/sites', { search, cursor, limit: String(PAGE) });
    if (search !== this.#search.value) return;
    const rows = page.sites.map((site) => this.#rowOf(site));
    if (cursor === null) this.#list.replaceChildren(...rows);
    else this.#list.append(...rows);
    if (cursor !== null) rows[0]?.querySelector('a')?.focus();
    this.#cursor = page.nextCursor;
    this.#more.hidden = page.nextCursor === null;
    this.#showEmpty(search);
  }

  #showEmpty(search: string): void {
    const none = this.#list.children.length === 0;
    this.#empty.hidden = !none;
    this.#list.hidden = none;
    const [title, text] =
      search === ''
        ? [
            'No site yet',
            'Enter the address of your shop above. You get its key, which you put into its WordPress.',
          ]
        : ['No site is like that', 'Try a shorter part of its address.'];
    if (none) this.#empty.replaceChildren(element('h2', {}, title), element('p', {}, text));
  }

  #rowOf(site: Site): HTMLLIElement {
    const { siteId, url, lastSeenAt, revokedAt } = site;
    const name = siteName(url);
    const query = new URLSearchParams({ site: String(siteId), siteName: name });
    return element(
      'li',
      { class: 'site-row', 'data-site': url },
      element('a', { href: `/?${query}`, class: 'site', title: `The jobs of ${name}` }, name),
      element(
        'span',
        { class: 'badge', 'data-status': revokedAt === null ? 'completed' : 'failed' },
        revokedAt === null ? 'Active' : 'Revoked',
      ),
      lastSeenAt === null
        ? element('span', { class: 'muted when' }, 'Never seen')
        : element(
            'time',
            { class: 'muted when', datetime: lastSeenAt, title: dateTime(lastSeenAt) },
            `Seen ${ago(lastSeenAt, Date.now())}`,
          ),
      element(
        'div',
        { class: 'job-actions' },
        element(
          'a',
          { href: `/?view=activity&${query}`, class: 'button small', 'aria-label': `Activity of ${name}` },
          'Activity',
        ),
        button('New key', () => void this.#rotate(site), {
          class: 'small',
          'aria-label': `New key for ${name}`,
        }),
        button('Revoke', () => void this.#revoke(site), {
          class: 'small',
          'aria-label': `Revoke ${name}`,
          hidden: revokedAt !== null,
        }),
        button('Remove', () => void this.#remove(site), {
          class: 'small danger',
          'aria-label': `Remove ${name}`,
        }),
      ),
    );
  }

  async #rotate({ siteId, url }: Site): Promise<void> {
    let key: string | undefined;
    await confirmed({
      title: 'Make a new key?',
      text: `The old key of ${url} ends at once: the shop can’t sync until it has the new one.`,
      doIt: 'Make a new key',
      keep: 'Keep the old one',
      work: async () => {
        ({ key } = await call<{ key: string }>('POST', `/operator/sites/${siteId}/rotate`));
        return 'There is a new key.';
      },
    });
    if (key !== undefined) await showKey({ url, key });
    await this.#read();
    this.#focusOn(url);
  }

  async #revoke({ siteId, url }: Site): Promise<void> {
    await confirmed({
      title: 'Revoke this site?',
      text: `No key of ${url} is valid any more. Its data stays, and a new key lets it in again.`,
      doIt: 'Revoke it',
      keep: 'Leave it',
      work: async () => {
        await call('POST', `/operator/sites/${siteId}/revoke`);
        return `${url} is revoked.`;
      },
    });
    await this.#read();
    this.#focusOn(url);
  }

  async #remove(site: Site): Promise<void> {
    const { url } = site;
    let done: string | undefined;
    await confirmed({
      title: 'Remove this site for good?',
      text: `This deletes ${url} with its keys, jobs, history and records. Nothing brings them back.`,
      typing: `Type ${url} to remove it`,
      doIt: 'Remove it',
      keep: 'Keep it',
      work: async ({ typed, tell }) => {
        done = await removeSite(site, typed, tell);
        this.#showRemoved(done);
        return done;
      },
    });
    // The row from which it was done goes away: who uses the keyboard goes on from what was done.
    if (done !== undefined) this.#removed.focus();
    await this.#read();
    if (done === undefined) this.#focusOn(url);
  }

  #showRemoved(text: string): void {
    this.#removed.textContent = text;
    this.#removed.hidden = false;
  }

  /** The rows are made anew: whoever uses the keyboard goes on where he was. */
  #focusOn(url: string): void {
    const row = [...this.#list.children].find((child) => (child as HTMLElement).dataset.site === url);
    row?.querySelector('a')?.focus();
  }
}

/** A large site goes piece by piece: each call deletes some seconds long, and the next one goes on from there. */
async function removeSite(
  { siteId, url }: Site,
  typed: string,
  tell: (text: string) => void,
): Promise<string> {
  const total = { jobs: 0, balances: 0, records: 0 };
  let more = true;
  while (more) {
    const removal = await call<Removal>('DELETE', `/operator/sites/${siteId}`, { url: typed });
    total.jobs += removal.dropped.jobs;
    total.balances += removal.dropped.balances;
    total.records += removal.dropped.records;
    more = removal.more;
    tell(`Deleted so far: ${deletedText(total)}. Keep this page open.`);
  }
  return `Deleted ${url}: its keys, ${deletedText(total)}.`;
}

function deletedText({ jobs, balances, records }: Removal['dropped']): string {
  return `${counted(jobs, 'job')} with history, ${counted(balances, 'balance')}, and ${counted(records, 'other record')}`;
}

class AddSiteForm {
  readonly root: HTMLFormElement;
  readonly #field = element('input', {
    id: 'site-url',
    type: 'url',
    required: true,
    placeholder: 'https://shop.example',
    'aria-describedby': 'site-problem',
  });
  readonly #problem = element('p', { class: 'problem', id: 'site-problem', role: 'alert', hidden: true });
  readonly #added: () => void;

  constructor(added: () => void) {
    this.#added = added;
    this.root = listening(
      element(
        'form',
        { class: 'add-site card' },
        labelled('Address of the shop', this.#field),
        element('button', { type: 'submit', class: 'primary' }, 'Add the site'),
        this.#problem,
      ),
      {
        submit: (event) => {
          event.preventDefault();
          void this.#add();
        },
      },
    );
  }

  async #add(): Promise<void> {
    this.#problem.hidden = true;
    try {
      const { site, key } = await call<{ site: Site; key: string }>('POST', '/operator/sites', {
        url: this.#field.value,
      });
      this.#field.value = '';
      await showKey({ url: site.url, key });
      this.#added();
    } catch (error) {
      this.#problem.textContent = sentenceOf(error);
      this.#problem.hidden = false;
      this.#field.focus();
    }
  }
}
