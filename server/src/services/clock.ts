/** Where time and chance come from, so that tests can hold them. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** From 0 to 1. */
  random(): number;
}

export const systemClock: Clock = { now: Date.now, random: Math.random };
