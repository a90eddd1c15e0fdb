import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';

/** What ran of a contract on one adapter; complete when its suite has ended. */
export interface ContractRun {
  name: string;
  /** The titles of its tests that ran, in their order. */
  ran: string[];
}

/** Runs a contract as a suite of this name. */
export function contractRun(name: string, contract: () => void): ContractRun {
  const ran: string[] = [];
  describe(name, () => {
    afterEach((t) => {
      ran.push(t.fullName.slice(name.length));
    });
    contract();
  });
  return { name, ran };
}

/** Prints how many tests of the contract ran on each adapter, and fails unless they are the same. Stands behind the runs. */
export function sameContract(port: string, runs: [ContractRun, ...ContractRun[]]): void {
  test(`every adapter keeps the same ${port} contract, all of it`, (t) => {
    for (const { name, ran } of runs) t.diagnostic(`${name}: ${ran.length} contract tests ran`);
    assert.ok(runs[0].ran.length > 0);
    for (const { name, ran } of runs) assert.deepEqual(ran, runs[0].ran, name);
  });
}
