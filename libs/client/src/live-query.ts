/** Whether two answers of the graph say the same. Knows what answers are made of: plain objects, lists and values. */
export function sameAnswer(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameAnswer(item, b[at]))
    );
  }
  const [inA, inB] = [Object.entries(a), new Map(Object.entries(b))];
  return inA.length === inB.size && inA.every(([key, value]) => inB.has(key) && sameAnswer(value, inB.get(key)));
}
