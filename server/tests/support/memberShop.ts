import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { type IdRange, mergeRanges } from '../../src/domain/idRange.ts';

export interface ShopMember {
  wp_user_id: number;
  email: string;
  points_balance: number;
}

interface Sum {
  count: number;
  sum: number;
}

/** How a shop calls a server. */
export type Call = (path: string, init?: RequestInit) => Promise<Response>;

/** The sizes of range by which a shop looks where it differs: docs/api.md says why each is a tenth of the last. */
const SIZES = [1_000, 100, 10, 1];

/** A shop that knows of docs/api.md alone: it finds what differs at the server by checksums, and sends only that. */
export class MemberShop {
  readonly members: Map<number, ShopMember>;
  requests = 0;
  /** Bytes of the addresses and bodies of its requests, and of the bodies of the answers. */
  bytesSent = 0;
  bytesRead = 0;
  readonly #call: Call;

  constructor(members: Iterable<ShopMember>, call: Call) {
    this.members = new Map([...members].map((member) => [member.wp_user_id, member]));
    this.#call = call;
  }

  /** Starts a snapshot of the ranges that differ and gives its `jobId`, or undefined where nothing differs. */
  async sendDifferences(): Promise<string | undefined> {
    let ranges: IdRange[] | null = null;
    for (const size of SIZES) {
      ranges = differing(this.#sums(size, ranges), await this.#sumsOfServer(size, ranges), size);
      if (ranges.length === 0) return undefined;
    }
    const query = `mode=snapshot&ranges=${rangesText(ranges as IdRange[])}`;
    const members = this.#membersIn(ranges as IdRange[]);
    const body = JSON.stringify(members.length > 0 ? members : removalsIn(ranges as IdRange[]));
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#ask(`/artly/sync/points-balances/start?${query}`, {
      method: 'POST',
      headers,
      body,
    });
    return answer.jobId as string;
  }

  /** What the whole picture would be. */
  wholeBody(): string {
    return JSON.stringify([...this.members.values()]);
  }

  async #sumsOfServer(size: number, ranges: IdRange[] | null): Promise<Map<number, Sum>> {
    const narrowed = ranges === null ? '' : `&ranges=${rangesText(ranges)}`;
    const answer = await this.#ask(`/artly/points-balances/checksums?size=${size}${narrowed}`);
    return new Map((answer.ranges as (Sum & { from: number })[]).map(({ from, ...sum }) => [from, sum]));
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
    const response = await this.#call(path, init);
    const text = await response.text();
    this.requests += 1;
    this.bytesSent += Buffer.byteLength(path) + Buffer.byteLength((init.body as string) ?? '');
    this.bytesRead += Buffer.byteLength(text);
    assert.ok(response.ok, text);
    return JSON.parse(text);
  }

  /** What the query of docs/api.md gives. */
  #sums(size: number, ranges: IdRange[] | null): Map<number, Sum> {
    const sums = new Map<number, Sum>();
    for (const member of ranges === null ? this.members.values() : this.#membersIn(ranges)) {
      const from = Math.floor(member.wp_user_id / size) * size;
      const part = sums.get(from) ?? { count: 0, sum: 0 };
      part.count += 1;
      part.sum += crc32(canonicalText(member));
      sums.set(from, part);
    }
    return sums;
  }

  #membersIn(ranges: IdRange[]): ShopMember[] {
    const found: ShopMember[] = [];
    for (const [from, to] of ranges) {
      for (let id = from; id <= to; id += 1) {
        const member = this.members.get(id);
        if (member !== undefined) found.push(member);
      }
    }
    return found;
  }
}

/** Written as docs/api.md says it, and not by the server's own code. */
function canonicalText({ wp_user_id, email, points_balance }: ShopMember): string {
  return `${wp_user_id}|${email}|points|${points_balance.toFixed(4)}`;
}

function differing(ours: Map<number, Sum>, theirs: Map<number, Sum>, size: number): IdRange[] {
  const starts = [...new Set([...ours.keys(), ...theirs.keys()])].filter((from) => {
    const [one, other] = [ours.get(from), theirs.get(from)];
    return one?.count !== other?.count || one?.sum !== other?.sum;
  });
  return mergeRanges(starts.map((from) => [from, from + size - 1]));
}

/** A snapshot needs a record. Where the shop has none, the ranges of the last step hold what is gone and no other. */
function removalsIn(ranges: IdRange[]): object[] {
  const ids = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at));
  return ids.map((wp_user_id) => ({ wp_user_id, deleted: true }));
}

function rangesText(ranges: IdRange[]): string {
  return ranges.map(([from, to]) => `${from}-${to}`).join(',');
}

const NEW = 50;
const REMOVED = 50;
const CHANGED = 100;

/** A shop at its first sync and after it: who is changed, new and removed is spread by chance. */
export function membersBeforeAndAfter(
  all: ShopMember[],
  random: () => number,
): { before: ShopMember[]; after: ShopMember[] } {
  const turns = new Map<number, number>();
  while (turns.size < NEW + REMOVED + CHANGED) {
    const at = Math.floor(random() * all.length);
    if (!turns.has(at)) turns.set(at, turns.size);
  }
  const turn = (at: number) => turns.get(at) ?? Infinity;
  const isNew = (at: number) => turn(at) < NEW;
  const isRemoved = (at: number) => turn(at) >= NEW && turn(at) < NEW + REMOVED;
  const isChanged = (at: number) => turn(at) >= NEW + REMOVED && turns.has(at);
  return {
    before: all.filter((_, at) => !isNew(at)),
    after: all.flatMap((member, at) => {
      if (isRemoved(at)) return [];
      return [isChanged(at) ? changed(member, turn(at)) : member];
    }),
  };
}

/** Every third has another address, the others another balance. */
function changed(member: ShopMember, turn: number): ShopMember {
  return turn % 3 === 0
    ? { ...member, email: `new.${member.email}` }
    : { ...member, points_balance: member.points_balance + 0.0625 };
}
