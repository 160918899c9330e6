const MIN_SIMILARITY = 0.3;

/** Letters and digits of a name in one case, without accents and doubled spaces: what people mean by "the same name". */
export function foldName(name: string): string {
  return name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Whether two names are the same to a person; names without letters or digits only when they are written alike. */
export function sameName(a: string, b: string): boolean {
  const folded = foldName(a);
  return folded === "" ? a.trim() === b.trim() : folded === foldName(b);
}

/**
 * The items whose names come closest to `wanted`, best first; those that have nothing in common with it are left out.
 * Ties keep the order of `items`.
 */
export function nearestNames<T>(
  wanted: string,
  items: readonly T[],
  options: { readonly nameOf: (item: T) => string; readonly limit: number },
): readonly T[] {
  const folded = foldName(wanted);
  return items
    .map((item) => ({ item, score: similarity(folded, foldName(options.nameOf(item))) }))
    .filter(({ score }) => score >= MIN_SIMILARITY)
    .sort((a, b) => b.score - a.score)
    .slice(0, options.limit)
    .map(({ item }) => item);
}

/** 0 to 1: Dice's coefficient of letter pairs, raised when one name contains the other. */
function similarity(a: string, b: string): number {
  if (a === "" || b === "") return 0;
  if (a === b) return 1;
  const dice = diceOfPairs(a, b);
  return a.includes(b) || b.includes(a) ? Math.max(dice, 0.6) : dice;
}

function diceOfPairs(a: string, b: string): number {
  const left = letterPairs(a);
  const right = letterPairs(b);
  const waiting = [...right];
  let shared = 0;
  for (const pair of left) {
    const at = waiting.indexOf(pair);
    if (at < 0) continue;
    waiting.splice(at, 1);
    shared++;
  }
  return (2 * shared) / (left.length + right.length);
}

/** Pairs of a name framed by spaces, so that first and last letters count and one-letter names have pairs too. */
function letterPairs(name: string): readonly string[] {
  const framed = ` ${name.slice(0, 100)} `;
  return Array.from({ length: framed.length - 1 }, (_, index) => framed.slice(index, index + 2));
}
