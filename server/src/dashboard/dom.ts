/** Elements are built, never written as HTML: whatever a shop or a person sent stays text. */

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined>;
type Listeners = { [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };

/** An element with its attributes (`true` sets an empty one; false and null leave it out) and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(attribute, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== false && child !== null && child !== undefined));
  return made;
}

/** The element, which calls these listeners from now on. */
export function listening<Made extends HTMLElement>(made: Made, listeners: Listeners): Made {
  for (const [name, listener] of Object.entries(listeners))
    made.addEventListener(name, listener as EventListener);
  return made;
}

/** Changes a text only where it differs: so a screen reader and a selection are left in peace. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function button(text: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return listening(element('button', { type: 'button', ...attributes }, text), { click: onClick });
}

export function labelled(text: string, field: HTMLElement, ...more: HTMLElement[]): HTMLElement {
  return element('div', { class: 'field' }, element('label', { for: field.id }, text), field, ...more);
}

/** Says something to a screen reader, once it has a moment. */
export function announce(text: string): void {
  const announcer = document.getElementById('announcer');
  if (announcer !== null) setText(announcer, text);
}
