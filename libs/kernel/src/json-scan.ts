/** What {@link scanJson} found wrong. */
export interface JsonFault {
  readonly reason: "DUPLICATE_KEY" | "NUMBER_PRECISION";
  readonly description: string;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;

/**
 * Looks for what `JSON.parse` hides in a text that it has accepted: duplicate keys, and numbers whose decimal value a
 * double does not keep. Returns the first fault.
 */
export function scanJson(text: string): JsonFault | undefined {
  /** One entry for each open bracket: the keys seen so far, or undefined inside an array. */
  const open: (Set<string> | undefined)[] = [];
  let expectsKey = false;
  for (let at = 0; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      STRING.lastIndex = at;
      const literal = STRING.exec(text)?.[0] ?? "";
      at += literal.length;
      const keys = open.at(-1);
      if (expectsKey && keys !== undefined) {
        const key: string = JSON.parse(literal);
        if (keys.has(key)) return { reason: "DUPLICATE_KEY", description: `has the key ${excerpt(literal)} twice` };
        keys.add(key);
        expectsKey = false;
      }
      continue;
    }
    if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) {
      NUMBER.lastIndex = at;
      const literal = NUMBER.exec(text)?.[0] ?? "";
      at += literal.length;
      if (!keepsDecimalValue(literal)) {
        return {
          reason: "NUMBER_PRECISION",
          description: `has the number ${excerpt(literal)}, which a double cannot hold exactly as written`,
        };
      }
      continue;
    }
    if (char === "{") {
      open.push(new Set());
      expectsKey = true;
    } else if (char === "[") {
      open.push(undefined);
      expectsKey = false;
    } else if (char === "}" || char === "]") {
      open.pop();
      expectsKey = false;
    } else if (char === ",") {
      expectsKey = open.at(-1) !== undefined;
    }
    at++;
  }
  return undefined;
}

/** Whether the ECMAScript text of a number, which RFC 8785 prints, has the decimal value of its literal. */
function keepsDecimalValue(literal: string): boolean {
  const value = Number(literal);
  return Number.isFinite(value) && decimal(literal) === decimal(String(value));
}

/** A canonical name of a decimal value: significant digits and exponent; all zeros are one. */
function decimal(literal: string): string {
  const [mantissa = "", exponent = "0"] = literal.toLowerCase().split("e");
  const negative = mantissa.startsWith("-");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = `${whole}${fraction}`;
  let first = 0;
  while (digits[first] === "0") first += 1;
  if (first === digits.length) return "0";
  // Not by a pattern: one that looks for zeros before the end takes time by the square of their number.
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  const power = Number(exponent) - fraction.length + (digits.length - end);
  return `${negative ? "-" : ""}${digits.slice(first, end)}e${power}`;
}

/** As much of a literal as an error may quote: errors travel in trailers, where there is little room. */
function excerpt(literal: string): string {
  return literal.length <= 40 ? literal : `${literal.slice(0, 40)}…`;
}
