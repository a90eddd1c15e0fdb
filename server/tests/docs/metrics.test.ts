import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics } from '../../src/metrics.ts';
import { codeWords, readDoc, tableRows } from './markdown.ts';

interface Known {
  type: string;
  labels: string[];
}

/** Of those that may have no value at the moment in which the test looks. */
const PROCESS_LABELS: Record<string, string[]> = {
  nodejs_active_requests: ['type'],
  nodejs_gc_duration_seconds: ['kind'],
};

const doc = readDoc('metrics.md');
const dashboard = JSON.parse(readDoc('grafana-dashboard.json')) as Dashboard;
const alerts = readDoc('prometheus-alerts.yml');
const exposed = await exposedMetrics();

describe('docs/metrics.md', () => {
  it('lists every metric with its type, and no other', () => {
    const listed = listedMetrics().map(({ name, type }) => `${name} ${type}`);
    const known = [...exposed].map(([name, { type }]) => `${name} ${type}`);
    assert.deepEqual(listed.sort(), known.sort());
  });

  it('lists the labels of every metric of ours, and of every other that has a value', () => {
    for (const { name, labels } of listedMetrics()) {
      const known = exposed.get(name)?.labels ?? [];
      assert.deepEqual(labels.sort(), known.sort(), name);
    }
  });
});

describe('docs/grafana-dashboard.json', () => {
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it('asks only for metrics and labels that there are', () => {
    assert.ok(queries.length > 20);
    for (const query of queries) assertKnown(query);
  });

  it('shows every metric of ours', () => {
    const shown = new Set(queries.flatMap((query) => metricsOf(query)));
    const missing = [...exposed.keys()].filter((name) => name.startsWith('artly_') && !shown.has(name));
    assert.deepEqual(missing, []);
  });

  it('asks the data source that is chosen in it, and no other', () => {
    const variables = dashboard.templating.list.map(({ name, type }) => `${name} ${type}`);
    assert.deepEqual(variables, ['datasource datasource', 'job query', 'instance query']);
    for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
      for (const asking of [panel, ...(panel.targets ?? [])]) {
        assert.deepEqual(asking.datasource, { type: 'prometheus', uid: '$' + '{datasource}' }, panel.title);
      }
    }
  });

  it('gives each panel an id and a place of its own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= 24, title);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          assert.ok(!taken.has(`${column} ${line}`), `${title} covers another panel`);
          taken.add(`${column} ${line}`);
        }
      }
    }
  });
});

describe('docs/prometheus-alerts.yml', () => {
  // An expression stands in one line, or folded in the lines below it.
  const rules = [...alerts.matchAll(/^ +- alert: (\w+)\n +expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels):/gm)];

  it('asks only for metrics and labels that there are', () => {
    assert.equal(rules.length, alerts.match(/- alert:/g)?.length);
    for (const [, name, query = ''] of rules) {
      assert.ok(metricsOf(query).length > 0 || query.startsWith('up{'), name);
      assertKnown(query);
    }
  });
});

interface Dashboard {
  templating: { list: { name: string; type: string }[] };
  panels: {
    id: number;
    type: string;
    title: string;
    gridPos: { x: number; y: number; w: number; h: number };
    datasource?: unknown;
    targets?: { expr: string; datasource: unknown }[];
  }[];
}

function listedMetrics() {
  return doc
    .split('\n| metric')
    .slice(1)
    .flatMap((table) => tableRows(`| metric${table}`, 'metric', 'type', 'labels', 'meaning'))
    .map(([name = '', type = '', labels = '']) => ({
      name,
      type,
      labels: labels.includes('`') ? codeWords(labels) : labels.split(' ').filter(Boolean),
    }));
}

/** Metrics by name, as a scrape gives them once each has had a value. */
async function exposedMetrics(): Promise<Map<string, Known>> {
  const metrics = new Metrics({
    build: { role: 'all', database: 'sqlite' },
    readJobs: async () => ({ counts: [], queueAgeSeconds: 0 }),
    readLive: () => ({ events: 0, socket: 0, poll: 0 }),
  });
  metrics.requestDone({ route: 'none', method: 'GET', status: '4xx', seconds: 1 });
  const { text } = await metrics.read();
  const known = new Map<string, Known>();
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm))
    known.set(name, { type, labels: PROCESS_LABELS[name] ?? [] });
  for (const [, sample = '', labels = ''] of text.matchAll(/^(\w+)\{(.*)\} /gm)) {
    const entry = known.get(baseName(sample, known));
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label as string);
    if (entry !== undefined) entry.labels = [...new Set([...entry.labels, ...names])];
  }
  for (const entry of known.values()) entry.labels = entry.labels.filter((label) => label !== 'le');
  return known;
}

function baseName(sample: string, known: Map<string, Known>): string {
  return known.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '');
}

function metricsOf(query: string): string[] {
  return (query.match(/\b(?:artly|process|nodejs)_\w+/g) ?? []).map((name) => baseName(name, exposed));
}

/** Labels that Prometheus itself puts on what it scrapes, and on buckets. */
const SCRAPED = ['job', 'instance', 'le'];

function assertKnown(query: string): void {
  const labels = new Set(SCRAPED);
  for (const name of metricsOf(query)) {
    const known = exposed.get(name);
    assert.ok(known, `there is no ${name}: ${query}`);
    for (const label of known.labels) labels.add(label);
  }
  const chosen = [...query.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label]) => label as string);
  const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */));
  for (const label of [...chosen, ...grouped]) assert.ok(labels.has(label), `no label ${label}: ${query}`);
}
