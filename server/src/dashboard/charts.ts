import { element } from './dom.ts';
import { dateTime, short } from './format.ts';

/** One line or one layer of bars of a chart; its colour is a custom property of the styles. */
interface Layer {
  name: string;
  colour: string;
  values: (number | null)[];
}

export interface ChartData {
  /** Seconds since 1970. */
  times: number[];
  layers: Layer[];
}

const HEIGHT = 220;
const dark = matchMedia('(prefers-color-scheme: dark)');

/** A chart that keeps the width of its place and the colours of the page. */
export class Chart {
  readonly root: HTMLElement;
  readonly #place = element('div', { class: 'chart' });
  readonly #caption = element('figcaption', { class: 'muted' });
  readonly #shape: 'bars' | 'line';
  readonly #resize = new ResizeObserver(() => this.#fit());
  readonly #recolour = () => this.#draw();
  #data: ChartData = { times: [], layers: [] };
  #plot: uPlot | undefined;

  constructor(title: string, shape: 'bars' | 'line') {
    this.#shape = shape;
    this.root = element('figure', { class: 'card' }, element('h2', {}, title), this.#place, this.#caption);
    this.#resize.observe(this.#place);
    dark.addEventListener('change', this.#recolour);
  }

  /** `summary` says in words what the picture shows. */
  show(data: ChartData, summary: string): void {
    this.#caption.textContent = summary;
    const same = data.layers.length === this.#data.layers.length;
    this.#data = data;
    if (same && this.#plot !== undefined) this.#plot.setData(stacked(data, this.#shape));
    else this.#draw();
  }

  close(): void {
    this.#resize.disconnect();
    dark.removeEventListener('change', this.#recolour);
    this.#plot?.destroy();
  }

  #draw(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const width = this.#place.clientWidth;
    if (width === 0 || this.#data.layers.length === 0) return;
    const options = optionsOf(() => this.#data, { shape: this.#shape, width });
    this.#plot = new uPlot(options, stacked(this.#data, this.#shape), this.#place);
    // The picture is told by its caption and its table; its legend would be read number by number.
    this.#plot.root.setAttribute('aria-hidden', 'true');
  }

  #fit(): void {
    const width = this.#place.clientWidth;
    if (this.#plot === undefined) this.#draw();
    else if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }
}

interface Look {
  shape: 'bars' | 'line';
  width: number;
}

function optionsOf(data: () => ChartData, { shape, width }: Look): uPlot.Options {
  const grid = { stroke: colour('--line'), width: 1 };
  const axis = {
    stroke: colour('--muted'),
    grid,
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const values: uPlot.Axis.Values = (_plot, splits) =>
    splits.map((value) => (value === null ? '' : short(value)));
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false }, points: { show: shape === 'line' } },
    legend: { live: true },
    scales: {
      x: { range: (_plot, from, to) => withEdges(data(), shape, [from, to]) },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.08)] },
    },
    axes: [
      { ...axis, space: 80, size: 34, values: timeLabels },
      { ...axis, values, size: 56 },
    ],
    series: [
      { value: (_plot, at) => (at === null ? '' : dateTime(new Date(at * 1000).toISOString())) },
      ...data().layers.map((_layer, at) => seriesOf(data, at, shape)),
    ],
  };
}

/** Bars stand in the middle of their time: the first and the last need room for a half. */
function withEdges(
  { times }: ChartData,
  shape: Look['shape'],
  [from, to]: [number, number],
): [number, number] {
  const [first = 0, second = first] = times;
  const half = shape === 'bars' ? (second - first) / 2 : 0;
  return [from - half, to + half];
}

function seriesOf(data: () => ChartData, at: number, shape: Look['shape']): uPlot.Series {
  // The layers behind are drawn first and reach higher; what the legend says is each layer's own value.
  const current = () => data().layers[data().layers.length - 1 - at] as Layer;
  const layer = current();
  const stroke = colour(layer.colour);
  const look: uPlot.Series =
    shape === 'bars'
      ? {
          fill: stroke,
          width: 0,
          points: { show: false },
          paths: uPlot.paths.bars?.({ size: [0.7, 48] }) as uPlot.Series.PathBuilder,
        }
      : { fill: `color-mix(in srgb, ${stroke} 16%, transparent)`, width: 2, points: { show: false } };
  return {
    ...look,
    label: layer.name,
    stroke,
    value: (_plot, _value, _series, index) =>
      index === null ? '–' : short(Math.round(current().values[index] ?? 0)),
  };
}

/** Bars stand on each other: the first layer below, so that the last one drawn is the lowest. */
function stacked({ times, layers }: ChartData, shape: 'bars' | 'line'): uPlot.AlignedData {
  if (shape === 'line') return [times, ...layers.map(({ values }) => values)] as uPlot.AlignedData;
  const sums = layers.map((_layer, at) =>
    times.map((_time, step) =>
      layers.slice(0, at + 1).reduce((sum, { values }) => sum + (values[step] ?? 0), 0),
    ),
  );
  return [times, ...sums.reverse()] as uPlot.AlignedData;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const SECOND = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** As exact as the marks are close, and midnight by its day. */
const timeLabels: uPlot.Axis.Values = (_plot, splits, _axis, _space, step) =>
  splits.map((seconds) => {
    const at = new Date(seconds * 1000);
    if (step >= 86_400 || (step >= 60 && at.getHours() + at.getMinutes() === 0)) return DAY.format(at);
    if (step >= 60) return MINUTE.format(at);
    return step >= 1 ? SECOND.format(at) : `${(seconds % 60).toFixed(1)} s`;
  });

function colour(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}
