import type { TestContext } from 'node:test';
import type { PostgresServer } from '../support/postgresServer.ts';
import { ServerProcess } from '../support/serverProcess.ts';
import { apiProcess, letIn, newDatabase, workerProcess } from './processGroup.ts';

type Role = 'api' | 'worker';

interface Slot {
  role: Role;
  process: ServerProcess;
}

interface FleetShape {
  postgres: PostgresServer;
  apis: number;
  workers: number;
  /** Jobs that one worker process works on at once. */
  jobsAWorker: number;
}

/** Processes of which any may be killed at any time: another one takes its place at once, as a supervisor sees to it. */
export class ProcessFleet {
  readonly killed = { api: 0, worker: 0 };
  /** What those complained of that ended by themselves. */
  readonly fallen: string[] = [];
  readonly #t: TestContext;
  readonly #shape: { databaseUrl: string; jobsAWorker: number };
  readonly #slots: Slot[];
  readonly #dying = new Set<ServerProcess>();
  #stopped = false;

  private constructor(t: TestContext, shape: { databaseUrl: string; jobsAWorker: number }, roles: Role[]) {
    this.#t = t;
    this.#shape = shape;
    t.after(() => {
      this.#stopped = true;
    });
    this.#slots = roles.map((role) => {
      const slot: Slot = { role, process: this.#newProcess(role) };
      this.#replaceAfter(slot);
      return slot;
    });
  }

  static async start(
    t: TestContext,
    { postgres, apis, workers, jobsAWorker }: FleetShape,
  ): Promise<ProcessFleet> {
    const roles = [...Array<Role>(apis).fill('api'), ...Array<Role>(workers).fill('worker')];
    const fleet = new ProcessFleet(t, { databaseUrl: await newDatabase(postgres), jobsAWorker }, roles);
    await Promise.all(fleet.#slots.map(({ process }) => process.listening));
    return fleet;
  }

  get databaseUrl(): string {
    return this.#shape.databaseUrl;
  }

  /** Lets so many sites in, and gives their keys. */
  addSites(count: number): Promise<string[]> {
    return letIn(this.databaseUrl, count);
  }

  /**
   * Kills one of those that are up, but never the last one of its role: on a slow machine, a start takes longer than
   * the others live, and nobody would work. `chance` is from 0 to 1. Says whether one could be killed.
   */
  killOne(chance: number): boolean {
    const up = this.#slots.filter(
      ({ process }) => process.started !== undefined && !this.#dying.has(process),
    );
    const allowed = up.filter((slot) => up.some((other) => other !== slot && other.role === slot.role));
    const slot = allowed[Math.floor(chance * allowed.length)];
    if (slot === undefined) return false;
    this.#dying.add(slot.process);
    void slot.process.stop('SIGKILL');
    this.killed[slot.role] += 1;
    return true;
  }

  /** The address of an API process: another one for the next number. Waits until it listens. */
  async apiAt(number: number): Promise<string> {
    const apis = this.#slots.filter(({ role }) => role === 'api');
    const { process } = apis[number % apis.length] as Slot;
    return (await process.listening) ?? this.apiAt(number);
  }

  #replaceAfter(slot: Slot): void {
    const { process } = slot;
    void process.exited.then(({ signal }) => {
      if (this.#stopped) return;
      if (signal !== 'SIGKILL') this.fallen.push(`${slot.role}: ${process.complaints.join('')}`);
      slot.process = this.#newProcess(slot.role);
      this.#replaceAfter(slot);
    });
  }

  #newProcess(role: Role): ServerProcess {
    const { databaseUrl, jobsAWorker } = this.#shape;
    const options =
      role === 'api' ? apiProcess(databaseUrl) : workerProcess(databaseUrl, { jobs: jobsAWorker });
    return new ServerProcess(this.#t, options);
  }
}
