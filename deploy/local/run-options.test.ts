import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parseRunOptions } from "./run-options.ts";

const parse = (...args: string[]) => parseRunOptions(args, "/project");

describe("the runner's command line", () => {
  test("has a default for everything", () => {
    expect(parse()).toEqual({ dataFolder: "/project/.data", port: 4400, demo: true });
  });

  test("takes folder, port and whether to load the demo", () => {
    expect(parse("--data", "x", "--port=5000", "--no-demo")).toEqual({
      dataFolder: resolve("x"),
      port: 5000,
      demo: false,
    });
    expect(parse("--help", "--port", "1")).toBe("help");
  });

  test.each([
    [["--bogus"], "Unknown option '--bogus': npm start -- --help lists the options."],
    [["more"], "Unexpected argument 'more': npm start -- --help lists the options."],
    [["--port", "x"], "--port takes a number from 1024 to 65505, not x."],
    [["--port", "80"], "--port takes a number from 1024 to 65505, not 80."],
    [["--port", "65506"], "--port takes a number from 1024 to 65505, not 65506."],
  ])("refuses %j in one sentence", (args, sentence) => {
    expect(() => parse(...args)).toThrow(sentence);
  });
});
