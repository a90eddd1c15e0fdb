import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SignInThrottle } from '../../src/services/signInThrottle.ts';

describe('the throttle of wrong tokens', () => {
  it('waits for one address, and not for another', () => {
    const throttle = new SignInThrottle();
    for (let at = 0; at < 5; at += 1) throttle.wrong('a', 0);
    assert.equal(throttle.waitMs('a', 0), 30_000);
    assert.equal(throttle.waitMs('a', 29_999), 1);
    assert.equal(throttle.waitMs('a', 30_000), 0);
    assert.equal(throttle.waitMs('b', 0), 0);
  });

  it('waits for all once many addresses were wrong', () => {
    const throttle = new SignInThrottle();
    for (let at = 0; at < 100; at += 1) throttle.wrong(`address ${at}`, 0);
    assert.equal(throttle.waitMs('a new one', 0), 1_000);
    assert.equal(throttle.waitMs('a new one', 1_000), 0);
  });

  it('forgets the wrong tries of who is right in the end', () => {
    const throttle = new SignInThrottle();
    for (let at = 0; at < 4; at += 1) throttle.wrong('a', 0);
    throttle.right('a');
    for (let at = 0; at < 4; at += 1) throttle.wrong('a', 0);
    assert.equal(throttle.waitMs('a', 0), 0);
  });

  it('remembers a bounded number of addresses', () => {
    const throttle = new SignInThrottle();
    for (let at = 0; at < 5; at += 1) throttle.wrong('first', 0);
    for (let at = 0; at < 10_000; at += 1) throttle.wrong(`address ${at}`, 1e12);
    assert.equal(throttle.waitMs('first', 1e15), 0);
  });
});
