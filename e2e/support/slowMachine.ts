import type { ChildProcess } from '../../demo/childProcess.ts';

const RUN_MS = 5;
const PAUSE_MS = 160;

/**
 * Makes a program as slow as on a machine with a thirtieth of this one's speed: it is stopped and let go on in turns.
 * A person then has the time to look, reload and cancel, and the program itself knows nothing of it.
 */
export class SlowMachine {
  #child: ChildProcess;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#pause();
  }

  /** Gives the program its full speed back. */
  end(): void {
    clearTimeout(this.#timer);
    this.#child.signal('SIGCONT');
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #pause(): void {
    this.#child.signal('SIGSTOP');
    this.#timer = setTimeout(() => this.#run(), PAUSE_MS);
  }

  #run(): void {
    this.#child.signal('SIGCONT');
    this.#timer = setTimeout(() => this.#pause(), RUN_MS);
  }
}
