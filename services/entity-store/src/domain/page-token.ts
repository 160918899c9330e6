import { invalid } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";

/** HMAC-SHA-256 of a text under TOKEN_SECRET, in base64url. Passed in: the domain holds no secret. */
export type KeyedHash = (text: string) => string;

/** What a page token is good for: one list, with one set of filters, of one household. */
export interface PageScope {
  readonly household: HouseholdId;
  /** The list, for example `entities`. */
  readonly list: string;
  /** Everything in the request that decides which rows are listed, in a form whose JSON is stable. */
  readonly filter: unknown;
}

/** The sort key of the last row of a page. */
export type PagePosition = readonly (string | number)[];

/** Half a SHA-256, in base64url. */
const MAC_LENGTH = 22;
const MAX_TOKEN_LENGTH = 8_192;

/**
 * Makes page tokens that only the list which gave them accepts. A token is a position, not a permission: whoever
 * presents it is authorised like anybody else, so the position itself need not be hidden, only genuine.
 */
export class PageTokens {
  readonly #hash: KeyedHash;

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  /** The token that continues after `position`. */
  seal(scope: PageScope, position: PagePosition): string {
    const payload = Buffer.from(JSON.stringify(position), "utf8").toString("base64url");
    return `${this.#mac(scope, payload)}${payload}`;
  }

  /**
   * The position that a token continues after; undefined for the empty token, which asks for the first page.
   * @throws DomainError `invalid` naming `page_token` when this list with these filters did not give it.
   */
  open(scope: PageScope, token: string): PagePosition | undefined {
    if (token === "") return undefined;
    const payload = token.slice(MAC_LENGTH);
    if (token.length > MAX_TOKEN_LENGTH || !sameText(this.#mac(scope, payload), token.slice(0, MAC_LENGTH))) {
      throw invalid([
        { field: "page_token", description: "is not from the last page of this list with these filters" },
      ]);
    }
    return JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as PagePosition;
  }

  #mac(scope: PageScope, payload: string): string {
    const { household, list, filter } = scope;
    return this.#hash(JSON.stringify(["page", household, list, filter, payload])).slice(0, MAC_LENGTH);
  }
}

/** Compares in a time that does not depend on where the texts differ. */
function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
