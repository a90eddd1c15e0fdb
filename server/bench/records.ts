/** The same records for every way that is measured: members 1 to `count`, whose balances `round` changes. */
export function recordsOf(
  count: number,
  round: number,
): { wp_user_id: number; email: string; points_balance: number }[] {
  return Array.from({ length: count }, (_, at) => record(at + 1, round));
}

/** The body of a start with these records. */
export function bodyOf(count: number, round: number): Buffer {
  const pieces: Buffer[] = [];
  for (let from = 0; from < count; from += SLICE) {
    const slice = Array.from({ length: Math.min(SLICE, count - from) }, (_, at) =>
      record(from + at + 1, round),
    );
    pieces.push(Buffer.from(`${from === 0 ? '[' : ','}${JSON.stringify(slice).slice(1, -1)}`));
  }
  pieces.push(Buffer.from(']'));
  return Buffer.concat(pieces);
}

const SLICE = 10_000;

function record(id: number, round: number) {
  return {
    wp_user_id: id,
    email: `member${id}@shop.example`,
    points_balance: ((id * 7 + round) % 100_000) / 2,
  };
}
