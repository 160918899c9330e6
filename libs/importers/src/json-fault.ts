/** Where a text ceases to be JSON. */
export interface JsonFaultPlace {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

const SPACE = /[ \t\n\r]*/y;
/** Of the control characters only those up to U+001F are forbidden. */
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** What may come next; `…OrEnd`: or the bracket that ends what is open. */
type Expected = "value" | "valueOrEnd" | "key" | "keyOrEnd" | "colon" | "commaOrEnd";

/**
 * Finds where a text that `JSON.parse` refuses goes wrong, which it does not always say. Undefined: nowhere, it is JSON.
 */
export function findJsonFault(text: string): JsonFaultPlace | undefined {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = skip(SPACE, text, 0) ?? 0;
  do {
    const next = step(text, at, expected, open);
    if (next === undefined) return placeOf(text, at);
    expected = next.expected;
    at = skip(SPACE, text, next.at) ?? next.at;
  } while (open.length > 0 || expected !== "commaOrEnd");
  return at < text.length ? placeOf(text, at) : undefined;
}

/** Takes one token. Undefined: what stands there is not what was expected. */
function step(
  text: string,
  at: number,
  expected: Expected,
  open: ("{" | "[")[],
): { readonly at: number; readonly expected: Expected } | undefined {
  const char = text[at];
  const closes = expected === "commaOrEnd" || expected === "valueOrEnd" || expected === "keyOrEnd";
  if (closes && ((char === "}" && open.at(-1) === "{") || (char === "]" && open.at(-1) === "["))) {
    if (expected === "valueOrEnd" && char === "}") return undefined;
    open.pop();
    return { at: at + 1, expected: "commaOrEnd" };
  }
  switch (expected) {
    case "commaOrEnd":
      return char === "," ? { at: at + 1, expected: open.at(-1) === "{" ? "key" : "value" } : undefined;
    case "colon":
      return char === ":" ? { at: at + 1, expected: "value" } : undefined;
    case "key":
    case "keyOrEnd": {
      const end = skip(STRING, text, at);
      return end === undefined ? undefined : { at: end, expected: "colon" };
    }
    case "value":
    case "valueOrEnd": {
      if (char === "{" || char === "[") {
        open.push(char);
        return { at: at + 1, expected: char === "{" ? "keyOrEnd" : "valueOrEnd" };
      }
      const end = skip(STRING, text, at) ?? skip(SCALAR, text, at);
      return end === undefined ? undefined : { at: end, expected: "commaOrEnd" };
    }
  }
}

/** Where a token that begins here ends; undefined: none does. */
function skip(token: RegExp, text: string, at: number): number | undefined {
  token.lastIndex = at;
  return token.test(text) ? token.lastIndex : undefined;
}

function placeOf(text: string, at: number): JsonFaultPlace {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
