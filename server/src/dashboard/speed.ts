import type { Job, Sample } from './api.ts';
import { Chart } from './charts.ts';
import { element } from './dom.ts';
import { number, short } from './format.ts';

/** What ran for less is no picture, but noise. */
const SHORTEST_SECONDS = 2;

interface Speed {
  /** Seconds since 1970. */
  times: number[];
  /** Since the sample before; null where an attempt begins, and the line breaks. */
  perSecond: (number | null)[];
  /** Over all attempts, without what lies between them. */
  average: number;
}

/** Records a second, between one sample and the next. */
function speedOf(samples: Sample[]): Speed {
  const speed: Speed = { times: [], perSecond: [], average: 0 };
  let [records, seconds] = [0, 0];
  let before: Sample | undefined;
  for (const sample of samples) {
    const took = before === undefined ? 1 : (Date.parse(sample.at) - Date.parse(before.at)) / 1000;
    // Two samples of one moment tell no speed.
    if (took <= 0) continue;
    const begins = before === undefined || before.attempt !== sample.attempt;
    const settled = begins ? 0 : sample.processed - (before as Sample).processed;
    speed.times.push(Date.parse(sample.at) / 1000);
    speed.perSecond.push(begins ? null : settled / took);
    records += settled;
    seconds += begins ? 0 : took;
    before = sample;
  }
  return { ...speed, average: seconds === 0 ? 0 : records / seconds };
}

/** How quick a job was, from its start on; of one that runs it grows. */
export class SpeedChart {
  readonly root: HTMLElement;
  readonly #chart = new Chart('Speed', 'line');
  readonly #none = element('p', { class: 'muted' });
  #samples: Sample[] = [];

  constructor() {
    this.root = element('div', {}, this.#chart.root, this.#none);
  }

  show(samples: Sample[]): void {
    this.#samples = samples;
    this.#draw();
  }

  /** The job has come further. */
  add({ attempt, processed, updatedAt }: Job): void {
    const last = this.#samples.at(-1);
    if (updatedAt === null || (last?.attempt === attempt && last.processed >= processed)) return;
    this.#samples = [...this.#samples, { attempt, processed, at: updatedAt }];
    this.#draw();
  }

  close(): void {
    this.#chart.close();
  }

  #draw(): void {
    const { times, perSecond, average } = speedOf(this.#samples);
    const known = perSecond.filter((speed) => speed !== null);
    const seconds = (times.at(-1) ?? 0) - (times[0] ?? 0);
    const enough = known.length > 1 && seconds >= SHORTEST_SECONDS;
    this.#chart.root.hidden = !enough;
    this.#none.hidden = enough;
    this.#none.textContent =
      this.#samples.length === 0
        ? 'Its speed is shown once it runs.'
        : 'Too short for a picture of its speed.';
    if (!enough) return;
    const summary = `Records a second. Highest ${short(Math.round(Math.max(...known)))}, on average ${number(Math.round(average))}.`;
    const layer = { name: 'records/s', colour: '--accent', values: perSecond };
    this.#chart.show({ times, layers: [layer] }, summary);
  }
}
