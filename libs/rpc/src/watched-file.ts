import { readFileSync, statSync } from "node:fs";

/** How long a look at the file's time of change is trusted. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Reads and parses a small file again whenever it has changed on disk (looked at once a second at most).
 * A file that is missing or damaged for a moment, as while it is being replaced, leaves the last good content in force.
 * @throws what reading or parsing throws, as long as there was no good content yet.
 */
export function watchedFile<T>(path: string, parse: (text: string) => T): () => T {
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let stamp = "";
  let content: { readonly value: T } | undefined;
  return () => {
    const nowMs = performance.now();
    if (content !== undefined && nowMs - lookedAtMs < LOOK_AGAIN_MS) return content.value;
    lookedAtMs = nowMs;
    try {
      const { mtimeMs, size, ino } = statSync(path);
      const found = `${mtimeMs}:${size}:${ino}`;
      if (content !== undefined && found === stamp) return content.value;
      content = { value: parse(readFileSync(path, "utf8")) };
      stamp = found;
    } catch (error) {
      if (content === undefined) throw error;
    }
    return content.value;
  };
}
