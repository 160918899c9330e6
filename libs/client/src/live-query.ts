/**
 * Whether two answers of the graph say the same. Knows what answers are made of: plain objects, lists and values; anything
 * else (a Map, a Date) says the same only as itself, so that a query is rather told too often than never.
 */
export function sameAnswer(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameAnswer(item, b[at]))
    );
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const [inA, inB] = [Object.entries(a), new Map(Object.entries(b))];
  return inA.length === inB.size && inA.every(([key, value]) => inB.has(key) && sameAnswer(value, inB.get(key)));
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
