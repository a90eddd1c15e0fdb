import type { Notices } from './notices.ts';

const TOPIC = 'queue';

/** The bell of the queue, rung by a note. A gap rings it too. */
export class NoticesBell {
  readonly #notices: Notices;

  constructor(notices: Notices) {
    this.#notices = notices;
  }

  get deaf(): boolean {
    return this.#notices.deaf;
  }

  ring(): void {
    this.#notices.send({ topic: TOPIC, key: '', text: '' });
  }

  onRing(listener: () => void): void {
    this.#notices.on(TOPIC, listener);
    this.#notices.onGap(listener);
  }
}
