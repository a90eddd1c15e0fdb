import { cpus } from 'node:os';
import { busy } from './busy.ts';
import { dashboard } from './dashboard.ts';
import { differences } from './differences.ts';
import { hostile } from './hostile.ts';
import { large } from './large.ts';
import { live } from './live.ts';
import { postgres } from './postgres.ts';
import { say } from './report.ts';
import { speed } from './speed.ts';
import { steps } from './steps.ts';
import { types } from './types.ts';

/**
 * `npm run bench`: each speed as a ratio to a limit, both measured in this run, side by side. Exits 1 when a limit is
 * not kept. `npm run bench -- speed` runs one section alone.
 */
const SECTIONS = { speed, steps, large, busy, differences, dashboard, hostile, live, types, postgres };

const wanted = process.argv.slice(2);
say(`Machine: ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}.`);
for (const [name, section] of Object.entries(SECTIONS)) {
  if (wanted.length === 0 || wanted.includes(name)) await section();
}
