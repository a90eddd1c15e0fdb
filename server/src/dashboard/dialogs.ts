import { Refusal } from './api.ts';
import { announce, button, element, labelled, listening, setText } from './dom.ts';

interface Question {
  title: string;
  text: string;
  /** What is to be typed, so that nobody does it by one wrong click. */
  typing?: string;
  /** The word on the button that does it. */
  doIt: string;
  keep: string;
  /** Does it and says what was done; what takes long says how far it is. */
  work: (asked: { typed: string; tell: (text: string) => void }) => Promise<string>;
}

/** Asks before something that can't be undone. Resolves when it was done, or was not wanted. */
export function confirmed(question: Question): Promise<void> {
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const told = element('p', { class: 'muted', role: 'status' });
  const sure = button(question.doIt, () => void doIt(), { class: 'danger' });
  const field = element('input', {
    id: 'typed',
    type: 'text',
    autocomplete: 'off',
    spellcheck: 'false',
    autofocus: true,
  });
  const dialog = modal(question.title, [
    element('p', {}, question.text),
    ...(question.typing === undefined ? [] : [labelled(question.typing, field)]),
    told,
    problem,
    element(
      'div',
      { class: 'dialog-actions' },
      button(question.keep, () => dialog.close(), { autofocus: true }),
      sure,
    ),
  ]);
  async function doIt(): Promise<void> {
    sure.disabled = true;
    problem.hidden = true;
    try {
      announce(await question.work({ typed: field.value, tell: (text) => setText(told, text) }));
      dialog.close();
    } catch (error) {
      // Whoever has closed it meanwhile is told by the page.
      if (!dialog.open) throw error;
      problem.textContent = sentenceOf(error);
      problem.hidden = false;
      sure.disabled = false;
    }
  }
  return closed(dialog);
}

/** Shows a key, which can't be shown again. */
export function showKey({ url, key }: { url: string; key: string }): Promise<void> {
  const field = listening(
    element('input', {
      type: 'text',
      readonly: true,
      value: key,
      'aria-label': `Key of ${url}`,
      class: 'key',
    }),
    { focus: () => field.select() },
  );
  const copy = button('Copy the key', () => void copyKey(), { class: 'primary' });
  async function copyKey(): Promise<void> {
    field.select();
    try {
      await navigator.clipboard.writeText(key);
      copy.textContent = 'Copied';
      announce('The key is copied.');
    } catch {
      // Without HTTPS a browser may not let a page copy: the key is selected, and Ctrl-C does.
      announce('The key is selected: copy it with Control and C.');
      field.focus();
    }
  }
  const dialog = modal('The key of the site', [
    element('p', {}, `This is the key of ${url}. It is shown this once and kept nowhere.`),
    field,
    element(
      'p',
      { class: 'muted' },
      'In the shop’s WordPress, open Artly Sync → Settings, enter it with the address of this server, press “Test connection”, then “Save Changes”.',
    ),
    element(
      'div',
      { class: 'dialog-actions' },
      copy,
      button('I have put it into the shop', () => dialog.close()),
    ),
  ]);
  return closed(dialog);
}

export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  throw error;
}

function modal(title: string, content: Node[]): HTMLDialogElement {
  const heading = element('h2', { id: 'dialog-title' }, title);
  const dialog = element('dialog', { 'aria-labelledby': 'dialog-title' }, heading, ...content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

function closed(dialog: HTMLDialogElement): Promise<void> {
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
  });
}
