const MAX_CHARACTERS = 200;
/** Ends of lines, other control characters, and what turns the direction of text around. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu;

/**
 * The name of a thing or of a property as it stands within a line of an answer. Names are anybody's words: one must not
 * look like a line of the answer's own to the model that reads it.
 */
export function nameText(name: string): string {
  const line = name.replaceAll(UNPRINTABLE, " ").trim();
  if (line === "") return "(no name)";
  return line.length <= MAX_CHARACTERS ? line : `${line.slice(0, MAX_CHARACTERS)}…`.toWellFormed();
}
