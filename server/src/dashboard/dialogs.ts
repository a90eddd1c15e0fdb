import { Refusal } from './api.ts';
import { announce, button, element, listening } from './dom.ts';

/** Asks before something that can't be undone. Resolves when it was done, or was not wanted. */
export function confirmed(question: {
  title: string;
  text: string;
  /** The word on the button that does it. */
  doIt: string;
  keep: string;
  work: () => Promise<string>;
}): Promise<void> {
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const sure = button(question.doIt, () => void doIt(), { class: 'danger' });
  const dialog = modal(question.title, [
    element('p', {}, question.text),
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
    try {
      announce(await question.work());
      dialog.close();
    } catch (error) {
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
