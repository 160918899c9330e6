import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { bodyOfBytes, DEEPEST_BODY } from "./hostile-bodies.ts";

/** Two edits of `{"name":"Lamp"}` that nobody expects, as they are written on the wire. */
interface OddQuarrel {
  readonly what: string;
  /** The head, in canonical form. */
  readonly panel: string;
  /** The later edit, in canonical form. */
  readonly phone: string;
  /** What MERGE makes of the two. */
  readonly merged: string;
  /** The keys of the conflict, in order. */
  readonly contested: readonly string[];
}

const manyNumbers = (first: number) =>
  `[${Array.from({ length: 15_000 }, (_, index) => (index + first) % 1_000).join(",")}]`;
/** More keys than anybody looks at. */
export const MANY_KEY_NAMES = Array.from({ length: 5_000 }, (_, index) => `k${1_000 + index}`);
const manyKeys = (value: number) => `{${MANY_KEY_NAMES.map((key) => `"${key}":${value}`).join(",")}}`;
/** A key as long as a page. */
export const LONG_KEY = "k".repeat(60_000);

/** What is odd but allowed: it is kept to the letter, merged, and can be decided about. */
export const ODD_QUARRELS: readonly OddQuarrel[] = [
  {
    what: "keys with the names of what every object has",
    panel: '{"__proto__":{"a":1},"constructor":1,"name":"Lamp","toString":"panel"}',
    phone: '{"__proto__":{"a":2},"hasOwnProperty":false,"name":"Lamp","toString":"phone","valueOf":null}',
    merged:
      '{"__proto__":{"a":2},"constructor":1,"hasOwnProperty":false,"name":"Lamp","toString":"phone","valueOf":null}',
    contested: ["__proto__", "toString"],
  },
  {
    what: "such keys deep inside",
    panel: '{"name":"Lamp","panel":[{"__proto__":{"constructor":{"prototype":{"polluted":1}}}}]}',
    phone: '{"name":"Lamp","phone":{"__proto__":null,"then":{"toJSON":{}}}}',
    merged:
      '{"name":"Lamp","panel":[{"__proto__":{"constructor":{"prototype":{"polluted":1}}}}],"phone":{"__proto__":null,"then":{"toJSON":{}}}}',
    contested: [],
  },
  {
    what: "keys that are empty, numbers, or wider than nothing",
    panel: '{"":1,"0":"a","10":"b","9":"c","name":"Lamp","\u200b":1}',
    phone: '{"":2,"-1":0,"0":"z","name":"Lamp","\u200b\u200b":2}',
    merged: '{"":2,"-1":0,"0":"z","10":"b","9":"c","name":"Lamp","\u200b":1,"\u200b\u200b":2}',
    contested: ["", "0"],
  },
  {
    what: "the same letter composed and decomposed, as different keys and as different values",
    panel: '{"cafe\u0301":1,"name":"Lamp","word":"cafe\u0301"}',
    phone: '{"caf\u00e9":2,"name":"Lamp","word":"caf\u00e9"}',
    merged: '{"cafe\u0301":1,"caf\u00e9":2,"name":"Lamp","word":"caf\u00e9"}',
    contested: ["word"],
  },
  {
    what: "zero bytes, marks of direction, emoji, and letters beyond the basic plane",
    panel: '{"\\u0000":"\\u0000\\u0001","a\u202eb":"\u202eabc\u2069","name":"Lamp","👩‍👩‍👧":"🐒"}',
    phone: '{"\\u0000":"\\u0000\\u0002","name":"Lamp","𝒳":"\ufffd\u2028","\uffff":"\u{10ffff}"}',
    merged:
      '{"\\u0000":"\\u0000\\u0002","a\u202eb":"\u202eabc\u2069","name":"Lamp","𝒳":"\ufffd\u2028","👩‍👩‍👧":"🐒","\uffff":"\u{10ffff}"}',
    contested: ["\u0000"],
  },
  {
    what: "numbers at the ends of what a double holds",
    panel: '{"huge":1.7976931348623157e+308,"name":"Lamp","whole":9007199254740991,"wide":123456789012345680000}',
    phone: '{"half":0.1,"name":"Lamp","tiny":5e-324,"whole":-9007199254740991}',
    merged:
      '{"half":0.1,"huge":1.7976931348623157e+308,"name":"Lamp","tiny":5e-324,"whole":-9007199254740991,"wide":123456789012345680000}',
    contested: ["whole"],
  },
  {
    what: "nothing in all its forms",
    panel: '{"a":null,"b":"","c":[],"d":{},"e":false,"f":0,"name":"Lamp"}',
    phone: '{"a":"","b":[],"c":{},"d":null,"e":0,"f":false,"name":"Lamp"}',
    merged: '{"a":"","b":[],"c":{},"d":null,"e":0,"f":false,"name":"Lamp"}',
    contested: ["a", "b", "c", "d", "e", "f"],
  },
  {
    what: "values as deep as may be",
    panel: DEEPEST_BODY,
    phone: DEEPEST_BODY.replace("[]", '["bottom"]').replace("[[", "[").replace("]]", "]"),
    merged: DEEPEST_BODY.replace("[]", '["bottom"]').replace("[[", "[").replace("]]", "]"),
    contested: ["a"],
  },
  {
    what: "bodies as large as may be",
    panel: bodyOfBytes(BODY_LIMITS.maxBytes, "p"),
    phone: bodyOfBytes(BODY_LIMITS.maxBytes, "q"),
    merged: bodyOfBytes(BODY_LIMITS.maxBytes, "q"),
    contested: ["a"],
  },
  {
    what: "lists of thousands",
    panel: `{"list":${manyNumbers(0)},"name":"Lamp"}`,
    phone: `{"list":${manyNumbers(1)},"name":"Lamp"}`,
    merged: `{"list":${manyNumbers(1)},"name":"Lamp"}`,
    contested: ["list"],
  },
  {
    what: "thousands of keys",
    panel: manyKeys(1),
    phone: manyKeys(2),
    merged: manyKeys(2),
    contested: MANY_KEY_NAMES,
  },
  {
    what: "a key of sixty thousand characters",
    panel: `{"${LONG_KEY}":1}`,
    phone: `{"${LONG_KEY}":2}`,
    merged: `{"${LONG_KEY}":2}`,
    contested: [LONG_KEY],
  },
];
