import { BODY_LIMITS } from "@funkygibbon/kernel/limits";

/** A body that no reader reads as anything else, and that is therefore refused. */
export interface RefusedBody {
  readonly what: string;
  readonly text: string;
  readonly reason: string;
}

/** So many levels of lists below one key. */
function lists(levels: number): string {
  return `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
}

/** So many levels of objects. */
function objects(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
}

/** A body of exactly so many bytes. */
export function bodyOfBytes(bytes: number, letter = "x"): string {
  return `{"a":"${letter.repeat(bytes - '{"a":""}'.length)}"}`;
}

/** As deep as a body may be. */
export const DEEPEST_BODY = lists(BODY_LIMITS.maxDepth - 1);

/** What a record may not say, with the reason that whoever says it is given. */
export const REFUSED_BODIES: readonly RefusedBody[] = [
  { what: "one level more than may be", text: lists(BODY_LIMITS.maxDepth), reason: "TOO_DEEP" },
  { what: "ten thousand levels of lists", text: lists(10_000), reason: "TOO_DEEP" },
  { what: "ten thousand levels of objects", text: objects(10_000), reason: "TOO_DEEP" },
  { what: "ten thousand brackets that nothing closes", text: `{"a":${"[".repeat(10_000)}`, reason: "INVALID_JSON" },
  { what: "one byte more than may be", text: bodyOfBytes(BODY_LIMITS.maxBytes + 1), reason: "BODY_TOO_LARGE" },
  {
    what: "one byte more than may be, in few characters",
    text: `{"a":"${"€".repeat(BODY_LIMITS.maxBytes / 3)}"}`,
    reason: "BODY_TOO_LARGE",
  },
  {
    what: "numbers that are short as written and long in canonical form",
    text: `{"a":[${Array.from({ length: 5_000 }, () => "1e20").join(",")}]}`,
    reason: "BODY_TOO_LARGE",
  },
  { what: "NaN", text: '{"a":NaN}', reason: "INVALID_JSON" },
  { what: "Infinity", text: '{"a":-Infinity}', reason: "INVALID_JSON" },
  { what: "a hexadecimal number", text: '{"a":0x10}', reason: "INVALID_JSON" },
  { what: "a number with a leading zero", text: '{"a":01}', reason: "INVALID_JSON" },
  { what: "1e999", text: '{"a":1e999}', reason: "NUMBER_PRECISION" },
  { what: "1e-999", text: '{"a":[{"b":1e-999}]}', reason: "NUMBER_PRECISION" },
  { what: "2^53+1", text: '{"a":9007199254740993}', reason: "NUMBER_PRECISION" },
  {
    what: "a decimal between two doubles",
    text: '{"a":0.1000000000000000055511151231257827}',
    reason: "NUMBER_PRECISION",
  },
  { what: "a number of sixty thousand digits", text: `{"a":1.${"0".repeat(60_000)}1}`, reason: "NUMBER_PRECISION" },
  { what: "a key twice", text: '{"a":1,"a":1}', reason: "DUPLICATE_KEY" },
  { what: "a key twice, once in escapes", text: '{"a":1,"\\u0061":2}', reason: "DUPLICATE_KEY" },
  { what: "a key twice, deep inside", text: '{"a":[{"b":{"c":1,"c":2}}]}', reason: "DUPLICATE_KEY" },
  { what: "__proto__ twice", text: '{"__proto__":{},"__proto__":{}}', reason: "DUPLICATE_KEY" },
  {
    what: "a key of thirty thousand characters twice",
    text: `{"${"k".repeat(30_000)}":1,"${"k".repeat(30_000)}":2}`,
    reason: "DUPLICATE_KEY",
  },
  { what: "half of an emoji", text: '{"a":"\\ud83d"}', reason: "LONE_SURROGATE" },
  { what: "an emoji's halves the wrong way round", text: '{"a":["\\ude00\\ud83d"]}', reason: "LONE_SURROGATE" },
  { what: "half of an emoji as a key", text: '{"\\udc00":1}', reason: "LONE_SURROGATE" },
  { what: "a zero byte that is not escaped", text: '{"a":"\u0000"}', reason: "INVALID_JSON" },
  { what: "a byte order mark", text: '\ufeff{"a":1}', reason: "INVALID_JSON" },
  { what: "a comma too many", text: '{"a":1,}', reason: "INVALID_JSON" },
  { what: "a comment", text: '{"a":1/**/}', reason: "INVALID_JSON" },
  { what: "two bodies", text: "{}{}", reason: "INVALID_JSON" },
  { what: "a list", text: "[]", reason: "NOT_AN_OBJECT" },
  { what: "null", text: "null", reason: "NOT_AN_OBJECT" },
  { what: "a text", text: '"{}"', reason: "NOT_AN_OBJECT" },
];
