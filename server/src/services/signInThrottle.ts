/** Wrong tries that are free, and how long it takes until one more is. */
interface TryLimits {
  tries: number;
  refillMs: number;
}

/** Someone who mistypes has room enough; who guesses from one address gets 2 tries a minute, and all together 60. */
const OF_ONE: TryLimits = { tries: 5, refillMs: 30_000 };
const OF_ALL: TryLimits = { tries: 100, refillMs: 1_000 };
/** Addresses that are remembered; the oldest is forgotten first. The limit of all holds however many there are. */
const MOST_ADDRESSES = 10_000;

/**
 * Counts wrong tries to sign in, of each address and of all together. A count falls by one every `refillMs`, so
 * nobody is shut out for good. It lives in one process.
 */
export class SignInThrottle {
  readonly #all = new WrongTries(OF_ALL);
  readonly #byAddress = new Map<string, WrongTries>();

  /** Milliseconds until this address may try again; 0 where it may now. */
  waitMs(address: string, now: number): number {
    return Math.max(this.#all.waitMs(now), this.#byAddress.get(address)?.waitMs(now) ?? 0);
  }

  /** A try of this address was wrong. */
  wrong(address: string, now: number): void {
    const tries = this.#byAddress.get(address) ?? new WrongTries(OF_ONE);
    this.#byAddress.delete(address);
    this.#byAddress.set(address, tries);
    for (const oldest of this.#byAddress.keys()) {
      if (this.#byAddress.size <= MOST_ADDRESSES) break;
      this.#byAddress.delete(oldest);
    }
    tries.add(now);
    this.#all.add(now);
  }

  /** Who knows the token is no guesser. */
  right(address: string): void {
    this.#byAddress.delete(address);
  }
}

class WrongTries {
  readonly #limits: TryLimits;
  /** When all tries are free again. */
  #freeAt = 0;

  constructor(limits: TryLimits) {
    this.#limits = limits;
  }

  waitMs(now: number): number {
    const { tries, refillMs } = this.#limits;
    return Math.max(0, this.#freeAt - now - (tries - 1) * refillMs);
  }

  add(now: number): void {
    this.#freeAt = Math.max(this.#freeAt, now) + this.#limits.refillMs;
  }
}
