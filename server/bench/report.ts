/** What is printed, and whether all limits are kept: the process exits 1 when one is not. */

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line about something that has a limit. */
export function judge(line: string, kept: boolean): void {
  say(`  ${line}   ${kept ? 'kept' : 'NOT KEPT'}`);
  if (!kept) process.exitCode = 1;
}

export function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** The value that at most `1 - share` of all exceed. */
export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
