import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = new URL("../..", import.meta.url).pathname;
const [sections = "", section = ""] = readFileSync(join(root, "docs/protocol.md"), "utf8").split(
  "\n## 13. Invariants\n",
);

const invariants = section
  .split("\n- **")
  .slice(1)
  .map((text) => ({
    name: text.slice(0, text.indexOf("**")),
    tests: testsIn(text),
  }));

interface NamedTest {
  readonly path: string;
  readonly link: string;
  readonly title: string;
}

function testsIn(text: string): NamedTest[] {
  return [...text.matchAll(/^ {2}- \[`([^`]+)`\]\(\.\.\/([^)]+)\): (.+)$/gm)].map(
    ([, path = "", link = "", title = ""]) => ({ path, link, title }),
  );
}

function expectToExist({ path, link, title }: NamedTest): void {
  expect(link).toBe(path);
  expect(existsSync(join(root, path)), path).toBe(true);
  expect(readFileSync(join(root, path), "utf8"), path).toContain(`"${title}"`);
}

describe("the invariants of docs/protocol.md", () => {
  it("are I1 to I13", () => {
    expect(invariants.map(({ name }) => name)).toEqual(Array.from({ length: 13 }, (_, index) => `I${index + 1}`));
  });

  it.each(invariants)("$name names tests that exist", ({ tests }) => {
    expect(tests).not.toEqual([]);
    for (const test of tests) expectToExist(test);
  });
});

describe("the sections on the replica and on healing", () => {
  it.each(testsIn(sections))("name a test that exists: $title", (test) => expectToExist(test));
});
