import { readFileSync } from 'node:fs';

/** The text of a file in docs/. */
export function readDoc(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

/** The rows of the table whose head begins with these cells, each as its cells without code marks. */
export function tableRows(markdown: string, ...head: string[]): string[][] {
  const lines = markdown.split('\n');
  const at = lines.findIndex((line) => head.every((cell, column) => cellsOf(line)[column] === cell));
  if (at < 0) throw new Error(`There is no table with the head ${head.join(', ')}.`);
  const behind = lines.slice(at + 2);
  const end = behind.findIndex((line) => !line.startsWith('|'));
  return behind.slice(0, end < 0 ? behind.length : end).map((line) => cellsOf(line));
}

/** All that stands in code marks in a text. */
export function codeWords(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string);
}

function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return [];
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'));
}
