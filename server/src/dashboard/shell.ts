import { button, element, setText } from './dom.ts';
import type { View } from './view.ts';

const MENU: [View['menu'], string, string][] = [
  ['jobs', 'Jobs', '/'],
  ['activity', 'Activity', '/?view=activity'],
  ['sites', 'Sites', '/?view=sites'],
];

/** What stands around every view: the menu, whether the page is live, and the way out. */
export class Shell {
  readonly root: HTMLElement;
  readonly #main = element('main', { id: 'main', tabindex: -1 });
  readonly #live = element('span', { class: 'live', role: 'status' }, 'Connecting …');
  readonly #problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  readonly #links = new Map(MENU.map(([menu, text, href]) => [menu, element('a', { href }, text)] as const));

  constructor({ signOut }: { signOut: () => void }) {
    const icon = element('img', { src: '/dashboard/icon.svg', alt: '', width: 28, height: 28 });
    this.root = element(
      'div',
      { class: 'shell' },
      element(
        'header',
        { class: 'top' },
        element('a', { href: '/', class: 'brand' }, icon, 'Artly Sync'),
        element(
          'nav',
          { 'aria-label': 'Main' },
          element('ul', {}, ...[...this.#links.values()].map((link) => element('li', {}, link))),
        ),
        this.#live,
        button('Sign out', signOut, { class: 'quiet' }),
      ),
      this.#problem,
      this.#main,
    );
  }

  show(view: View): void {
    for (const [menu, link] of this.#links) {
      if (menu === view.menu) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.#problem.hidden = true;
    this.#main.replaceChildren(view.root);
  }

  /** After a change of the view, a screen reader goes on from its heading. */
  focusHeading(): void {
    const heading = this.#main.querySelector('h1');
    heading?.setAttribute('tabindex', '-1');
    heading?.focus({ preventScroll: true });
  }

  showConnected(connected: boolean): void {
    this.#live.dataset.connected = String(connected);
    if (connected) this.#problem.hidden = true;
    setText(this.#live, connected ? 'Live' : 'Connection lost …');
  }

  showProblem(text: string): void {
    this.#problem.textContent = text;
    this.#problem.hidden = false;
  }
}
