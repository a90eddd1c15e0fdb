import { call } from './api.ts';
import { sentenceOf } from './dialogs.ts';
import { element, listening } from './dom.ts';

/** Asks for the token. */
export class SignInView {
  readonly root: HTMLElement;
  readonly #field = element('input', {
    type: 'password',
    id: 'token',
    name: 'token',
    autocomplete: 'current-password',
    required: true,
    'aria-describedby': 'token-help token-problem',
  });
  readonly #problem = element('p', { class: 'problem', id: 'token-problem', role: 'alert', hidden: true });
  readonly #submit = element('button', { type: 'submit', class: 'primary' }, 'Sign in');
  readonly #signedIn: () => void;

  constructor(reason: string, signedIn: () => void) {
    this.#signedIn = signedIn;
    const form = listening(
      element(
        'form',
        { class: 'sign-in card' },
        element('img', { src: '/dashboard/icon.svg', alt: '', width: 44, height: 44 }),
        element('h1', {}, 'Artly Sync'),
        reason !== '' && element('p', { role: 'status' }, reason),
        // For a keeper of passwords, which wants a name to a password.
        element('input', {
          type: 'text',
          name: 'user',
          value: 'operator',
          autocomplete: 'username',
          hidden: true,
        }),
        element('label', { for: 'token' }, 'Token'),
        this.#field,
        element('p', { id: 'token-help', class: 'muted' }, 'The value of ARTLY_ADMIN_TOKEN on the server.'),
        this.#problem,
        this.#submit,
      ),
      {
        submit: (event) => {
          event.preventDefault();
          void this.#signIn();
        },
      },
    );
    this.root = element('main', { id: 'main', class: 'sign-in-page' }, form);
  }

  focus(): void {
    this.#field.focus();
  }

  async #signIn(): Promise<void> {
    this.#submit.disabled = true;
    try {
      await call('POST', '/operator/session', { token: this.#field.value });
      this.#signedIn();
    } catch (error) {
      this.#problem.textContent = sentenceOf(error);
      this.#problem.hidden = false;
      this.#field.setAttribute('aria-invalid', 'true');
      this.#field.select();
    } finally {
      this.#submit.disabled = false;
    }
  }
}
