import { ActivityView } from './activityView.ts';
import { call, get, Refusal } from './api.ts';
import { announce, element } from './dom.ts';
import { JobsView } from './jobsView.ts';
import { JobView } from './jobView.ts';
import { Live } from './live.ts';
import { Shell } from './shell.ts';
import { SignInView } from './signInView.ts';
import { SitesView } from './sitesView.ts';
import type { View } from './view.ts';

const CLOCK_MS = 15_000;
const RELOAD_WITHIN_MS = 1_000;

/** The dashboard: signs in, shows the view that the address names, and hands on what changes. */
class Dashboard {
  readonly #app = document.getElementById('app') as HTMLElement;
  readonly #shell = new Shell({ signOut: () => void this.#signOut() });
  #view: View | undefined;
  #live: Live | undefined;
  #reloading: number | undefined;

  async start(): Promise<void> {
    document.addEventListener('click', (event) => this.#followLink(event));
    window.addEventListener('popstate', () => this.#show());
    window.setInterval(() => this.#view?.tick?.(), CLOCK_MS);
    // Whatever a view asks for, it may hear that the session is over.
    window.addEventListener('unhandledrejection', (event) => this.#failed(event));
    const { signedIn } = await get<{ signedIn: boolean }>('/operator/session');
    if (signedIn) this.#open();
    else this.#askToSignIn();
  }

  #open(): void {
    this.#app.replaceChildren(this.#shell.root);
    this.#live?.stop();
    this.#live = new Live({
      jobs: (jobs) => this.#view?.jobs?.(jobs),
      missed: () => this.#reloadSoon(),
      connected: (connected) => this.#shell.showConnected(connected),
      signedOut: () => this.#askToSignIn('Your session is over: sign in again.'),
    });
    this.#live.start();
    this.#show();
  }

  #askToSignIn(reason = ''): void {
    this.#live?.stop();
    this.#view?.close?.();
    this.#view = undefined;
    const view = new SignInView(reason, () => this.#open());
    this.#app.replaceChildren(view.root);
    document.title = 'Sign in · Artly Sync';
    view.focus();
  }

  async #signOut(): Promise<void> {
    await call('DELETE', '/operator/session');
    this.#askToSignIn('You are signed out.');
  }

  /** Once a second is enough, however often it is said. */
  #reloadSoon(): void {
    this.#reloading ??= window.setTimeout(() => {
      this.#reloading = undefined;
      this.#view?.reload?.();
    }, RELOAD_WITHIN_MS);
  }

  #show({ focus = false } = {}): void {
    const query = new URLSearchParams(location.search);
    this.#view?.close?.();
    this.#view = viewOf(query, (href) => this.#go(href));
    document.title = `${this.#view.title} · Artly Sync`;
    this.#shell.show(this.#view);
    if (focus) this.#shell.focusHeading();
  }

  /** Links inside of the dashboard change the view, and not the page. */
  #followLink(event: MouseEvent): void {
    const link = (event.target as Element).closest('a');
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || link.origin !== location.origin || link.pathname !== '/' || link.hash !== '')
      return;
    event.preventDefault();
    this.#go(link.href);
  }

  #go(href: string): void {
    history.pushState(null, '', href);
    window.scrollTo(0, 0);
    this.#show({ focus: true });
  }

  #failed(event: PromiseRejectionEvent): void {
    if (!(event.reason instanceof Refusal)) return;
    event.preventDefault();
    if (event.reason.code === 'NOT_SIGNED_IN') this.#askToSignIn('Your session is over: sign in again.');
    else this.#shell.showProblem(event.reason.message);
    announce(event.reason.message);
  }
}

function viewOf(query: URLSearchParams, go: (href: string) => void): View {
  const jobId = query.get('job');
  if (jobId !== null) return new JobView(jobId, go);
  const view = query.get('view');
  if (view === 'activity') return new ActivityView(query);
  if (view === 'sites') return new SitesView();
  return new JobsView(query);
}

new Dashboard().start().catch((error: unknown) => {
  const text = error instanceof Refusal ? error.message : 'The dashboard could not start: load it again.';
  document.getElementById('app')?.replaceChildren(element('p', { class: 'problem', role: 'alert' }, text));
});
