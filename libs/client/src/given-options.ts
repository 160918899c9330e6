import { invalid } from "@funkygibbon/kernel/errors";

/** The names of options: a compiler that knows the type tells which is missing. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses what is no option. Not every app is compiled against the types, and a client that was given `path` for `file`
 * would keep its edits in memory and say nothing. @throws DomainError `invalid`.
 */
export function mustBeOptions<Options extends object>(options: Options, names: OptionNames<Options>): void {
  const odd = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (odd === undefined) return;
  throw invalid([{ field: odd, description: `is no option; there are ${Object.keys(names).join(", ")}` }]);
}

/** The address, in a page also one within it. @throws DomainError `invalid` naming `field` for what is none over http or https. */
export function mustBeAddress(url: unknown, field: string): URL {
  const page = typeof location === "undefined" ? undefined : location.href;
  const address = typeof url === "string" && URL.canParse(url, page) ? new URL(url, page) : undefined;
  if (address?.protocol === "http:" || address?.protocol === "https:") return address;
  throw invalid([{ field, description: `${String(url)} is no address such as http://127.0.0.1:4402` }]);
}

/** @throws DomainError `invalid` for a token that is no function: it could not be renewed. */
export function mustGiveTokens(token: unknown): void {
  if (typeof token === "function") return;
  throw invalid([{ field: "token", description: "must be a function that gives a token" }]);
}

/** The value. @throws DomainError `invalid` naming `field` when it is none of these. */
export function mustBeOneOf<T extends string>(values: readonly T[], value: T, field: string): T {
  if (!values.includes(value)) throw invalid([{ field, description: `must be one of ${values.join(", ")}` }]);
  return value;
}
