import { describe, expect, it } from "vitest";
import { findViolations, roomOf, sourceFiles } from "./rooms.ts";

const root = new URL("../..", import.meta.url).pathname;

describe("the rooms of the house", () => {
  it("import only what docs/architecture.md allows them", () => {
    expect(findViolations(root)).toEqual([]);
  });

  it("hold every source file", () => {
    expect(sourceFiles(root).filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  it("keep the browser's half of the client free of Node", () => {
    const browser = sourceFiles(root).filter((file) => file.startsWith("libs/client/src/"));
    expect(browser.length).toBeGreaterThan(0);
  });
});
