import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeWhole } from "./private-file.ts";

describe("a file", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gibbon-file-"));
    file = join(folder, "home.ndjson");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is written for this user alone, also where a link leads to it", () => {
    writeFileSync(file, "old");
    chmodSync(file, 0o644);
    const link = join(folder, "link");
    symlinkSync(file, link);
    writeWhole(link, "new");
    expect([readFileSync(file, "utf8"), statSync(file).mode & 0o777]).toEqual(["new", 0o600]);
    expect(readdirSync(folder).sort()).toEqual(["home.ndjson", "link"]);
  });

  it("stays as it was when it cannot be written whole", () => {
    writeFileSync(file, "old");
    mkdirSync(`${file}.${process.pid}`);
    expect(() => writeWhole(file, "new")).toThrow(`${file} cannot be written`);
    expect(readFileSync(file, "utf8")).toBe("old");
  });

  it.runIf(process.platform !== "win32")("may be a pipe", () => {
    const module = new URL("./private-file.ts", import.meta.url).href;
    const program = `const { writeWhole } = await import(${JSON.stringify(module)}); writeWhole("/dev/stdout", "text");`;
    const line = ["-c", '"$0" --input-type=module -e "$1" | cat', process.execPath, program];
    expect(execFileSync("sh", line, { encoding: "utf8" })).toBe("text");
  });
});
