/**
 * The second port: who is looked at next. A message says only "look at job X"; the committed row decides what
 * there is to do. So a message may be lost (the sweep finds the job) or come twice (the claim is refused).
 *
 * All adapters keep these promises, and `syncQueueContract` proves them:
 * - a job that wants another turn goes to the back of the line, so that nobody waits for a big one;
 * - a handler that throws costs its own turn only;
 * - `stop` takes no further job, aborts the signal of the turn in hand, and waits for it.
 */
export interface Queue {
  send(jobId: string, options?: { delayMs?: number }): Promise<void>;
  work(handler: TurnHandler): Promise<void>;
  stop(): Promise<void>;
}

/** Works on a job for one turn and says whether it wants another. */
export type TurnHandler = (jobId: string, signal: AbortSignal) => Promise<'again' | 'done'>;
