import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { buildPage } from "../support/web-page.ts";

/** What a page pays at most for its home, in bytes over the wire. */
const MOST_GZIP_BYTES = 120 * 1024;

it("is what a production build makes of the browser client, and is below 120 KB", async () => {
  const files = [...(await buildPage("test/browser/page"))].filter(([name]) => name.endsWith(".js"));
  const bytes = files.reduce((sum, [, content]) => sum + content.length, 0);
  const gzipBytes = files.reduce((sum, [, content]) => sum + gzipSync(content).length, 0);
  console.log(`the browser client: ${kilobytes(bytes)}, ${kilobytes(gzipBytes)} with gzip`);
  // Less would be no client.
  expect(gzipBytes).toBeGreaterThan(20 * 1024);
  expect(gzipBytes).toBeLessThan(MOST_GZIP_BYTES);
});

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`;
}
