/** What JSON has no word for, and where in a value it stands. */
export interface StrangeValue {
  /** Such as `.parts[1]`; empty: the value itself. */
  readonly at: string;
  /** Such as `a Promise`. */
  readonly what: string;
}

/**
 * The first of what a value holds that is no JSON: JSON.stringify would leave it out, or write a date as a text and a promise
 * or a map as an empty object. Undefined: there is none as deep as `maxDepth`.
 */
export function strangeValue(value: unknown, maxDepth: number): StrangeValue | undefined {
  return strangeWithin(value, "", maxDepth, []);
}

function strangeWithin(
  value: unknown,
  at: string,
  depthLeft: number,
  around: readonly object[],
): StrangeValue | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : { at, what: String(value) };
  if (typeof value !== "object") return { at, what: value === undefined ? "undefined" : `a ${typeof value}` };
  if (around.includes(value)) return { at, what: "what contains itself" };
  if (!Array.isArray(value) && !isPlain(value)) return { at, what: `a ${value.constructor?.name ?? "class"}` };
  if (depthLeft <= 0) return undefined;
  const inside = [...around, value];
  if (Array.isArray(value)) {
    // By number, for a gap is no element.
    for (let index = 0; index < value.length; index++) {
      const found = strangeWithin(value[index], `${at}[${index}]`, depthLeft - 1, inside);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  for (const [key, each] of Object.entries(value)) {
    const found = strangeWithin(each, `${at}.${key}`, depthLeft - 1, inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Made by braces or without a prototype, in whatever window: of a class, JSON keeps at most the fields. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
