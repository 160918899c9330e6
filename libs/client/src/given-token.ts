import { unauthenticated } from "@funkygibbon/kernel/errors";

/** What a header can hold as one word. */
const ONE_WORD = /^[\x21-\x7e]+$/;

/**
 * The token that an app gives, without the end of line that one from a file has. What cannot be one is told here, and not by
 * the platform, which would repeat it. @throws DomainError `unauthenticated` with reason TOKEN_INVALID, and what `token` throws.
 */
export async function givenToken(token: () => string | Promise<string>): Promise<string> {
  const given: unknown = await token();
  const word = typeof given === "string" ? given.trim() : "";
  if (word === "") throw unauthenticated("the app gives no token", "TOKEN_INVALID");
  if (ONE_WORD.test(word)) return word;
  const message = "the app gives a token with characters that none has; it goes without Bearer";
  throw unauthenticated(message, "TOKEN_INVALID");
}
