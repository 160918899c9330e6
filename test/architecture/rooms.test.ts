import { describe, expect, it } from "vitest";
import { findViolations, packagesBehind, roomOf, sourceFiles } from "./rooms.ts";

const root = new URL("../..", import.meta.url).pathname;

describe("the rooms of the house", () => {
  it("import only what docs/architecture.md allows them", () => {
    expect(findViolations(root)).toEqual([]);
  });

  it("hold every source file", () => {
    expect(sourceFiles(root).filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  it.each(["client", "browser-client", "server-position"])("keep Node out of the browser's client (%s)", (entry) => {
    const packages = [...packagesBehind(root, `libs/client/src/${entry}.ts`)];
    expect(packages).toContain("@bufbuild/protobuf");
    expect(packages.filter((name) => name.startsWith("node:") || name.startsWith("@grpc/"))).toEqual([]);
  });

  it("keep Node out of the importers", () => {
    const packages = [...packagesBehind(root, "libs/importers/src/formats.ts")];
    packages.push(...packagesBehind(root, "libs/importers/src/import-plan.ts"));
    expect(packages.filter((name) => name.startsWith("node:") || name.startsWith("@grpc/"))).toEqual([]);
    expect(packages).toContain("csv-parse/browser/esm/sync");
  });
});
