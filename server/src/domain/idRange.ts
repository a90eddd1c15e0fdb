/** Members by id: from and to, both included. */
export type IdRange = [from: number, to: number];

export const ALL_IDS: IdRange = [0, Number.MAX_SAFE_INTEGER];

/** The same ids in as few ranges as they take, in their order. */
export function mergeRanges(ranges: IdRange[]): IdRange[] {
  const merged: IdRange[] = [];
  for (const [from, to] of ranges.toSorted(([one], [other]) => one - other)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** What is left of the ranges behind an id. */
export function rangesBehind(ranges: IdRange[], id: number): IdRange[] {
  return ranges.filter(([, to]) => to > id).map(([from, to]) => [Math.max(from, id + 1), to]);
}
