import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Tells one process from a later one that was given the same number. */
export type ProcessMark = { pid: number; started: string };

export function processMark(pid: number | undefined): ProcessMark | undefined {
  if (pid === undefined) return undefined;
  const started = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

export function isSameProcess(mark: ProcessMark): boolean {
  return processMark(mark.pid)?.started === mark.started;
}

/** Ends a process and the group that it leads: first politely, after half a minute by force. */
export async function endGroup(mark: ProcessMark): Promise<void> {
  signalGroup(mark.pid, 'SIGTERM');
  const deadline = performance.now() + 30_000;
  while (isSameProcess(mark) && performance.now() < deadline) await pause(50);
  signalGroup(mark.pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of the group is left.
  }
}

function startOnLinux(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The second field, the program's name, may hold spaces and brackets; the start time is the 20th after it.
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .split(') ')
      .slice(-1)
      .join()
      .split(' ');
    return state === 'Z' ? undefined : `${boot} ${fields[18]}`;
  } catch {
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
