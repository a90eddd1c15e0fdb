import { withMethods } from '../http/spies.ts';

/** A worker that does one step at a time, when the test lets it, or all of them. */
export class RestingWorker {
  #steps = 0;
  #wake = Promise.withResolvers<void>();

  readonly wrapStorage = withMethods((real) => ({
    applyNext: async (claim) => {
      while (this.#steps === 0) await this.#wake.promise;
      this.#steps -= 1;
      return real.applyNext(claim);
    },
  }));

  let(steps: number): void {
    this.#steps += steps;
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }

  letAll(): void {
    this.let(Infinity);
  }
}
