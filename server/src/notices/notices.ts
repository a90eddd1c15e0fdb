/**
 * The third port: short notes between the processes that share a database. A note only says "look"; what there is to
 * see stands in the rows. So it may come twice, and one that may have been missed is a gap, after which everybody
 * looks at all that they depend on.
 */
export interface Notices {
  /** Whether notes don't come in now: who depends on them has to look from time to time. */
  readonly deaf: boolean;
  /** Tells the other processes soon. Of notes with one topic and key in a short time, only the last is told. */
  send(note: Note): void;
  /** Calls `listener` with the text of each note that another process sends. */
  on(topic: string, listener: (text: string) => void): void;
  /** Calls `listener` whenever notes may have been missed, once they come in again. */
  onGap(listener: () => void): void;
}

export interface Note {
  topic: string;
  key: string;
  /** Some hundred bytes at most. */
  text: string;
}
