/**
 * The second port: who is looked at next. A message says only "look at job X"; the committed row decides what
 * there is to do. So a message may be lost (the sweep finds the job) or come twice (the claim is refused).
 *
 * All adapters keep these promises, and `syncQueueContract` proves them:
 * - a job stands in the line once, however often it was sent, and never has two turns at once in one process;
 * - a job that wants another turn goes to the back of the line, so that nobody waits for a big one;
 * - a handler that throws costs its own turn only;
 * - `stop` takes no further job, aborts the signal of the turns in hand, and waits for them.
 */
export interface Queue {
  send(jobId: string, options?: { delayMs?: number }): Promise<void>;
  work(handler: TurnHandler): Promise<void>;
  stop(): Promise<void>;
}

/** One job's time with a worker. */
export interface Turn {
  jobId: string;
  /**
   * In whose name the job is claimed. A job that wants another turn keeps it, also where another process gives the
   * next turn: so the claim passes on within one attempt. A new message has a new one.
   */
  holder: string;
  signal: AbortSignal;
}

/** Works on a job for one turn and says whether it wants another. */
export type TurnHandler = (turn: Turn) => Promise<'again' | 'done'>;
