import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { DomainError, type ErrorKind } from "@funkygibbon/kernel/errors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mustKeepName, parseAssignments, parseBody } from "./body-edit.ts";
import { EXIT_CODES, exitCodeOf } from "./exit-code.ts";
import { nodeFault } from "./node-version.ts";
import { connectionOf, profileFile, readProfile, replicaFile, writeProfile } from "./profile.ts";
import { readCall } from "./program.ts";
import { Terminal } from "./terminal.ts";
import { claimsOf } from "./token-claims.ts";
import { GIBBON_VERSION } from "./version.ts";

const usage = expect.objectContaining({ reason: "USAGE" });
const URLS = { entityStore: "http://store", syncCoordinator: "http://sync", conflictResolution: "http://conflicts" };

describe("the version", () => {
  it("is that of the package", () => {
    const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(GIBBON_VERSION).toBe(manifest.version);
  });
});

describe("a Node that is too old", () => {
  it("is told in one sentence, and no other", () => {
    expect(nodeFault("20.20.2")).toBe("gibbon: this is Node 20.20.2, and gibbon needs 22.16 or newer, best 24");
    expect(nodeFault("22.15.1")).toContain("22.15.1");
    expect(["22.16.0", "23.0.0", "24.4.1"].map(nodeFault)).toEqual([undefined, undefined, undefined]);
  });
});

describe("a command line", () => {
  const called = (...words: string[]) => {
    const call = readCall(words, { out: () => undefined, error: () => undefined });
    if ("exitCode" in call) throw new Error(call.message);
    return call;
  };

  it("takes the options of every command before it as well as after it", () => {
    const plain = { json: false, offline: false, profile: undefined, color: true };
    expect(called("ls").common).toEqual(plain);
    const all = { json: true, offline: true, profile: "work", color: false };
    const options = ["--json", "--offline", "--profile", "work", "--no-color"];
    expect(called(...options, "ls").common).toEqual(all);
    expect(called("ls", ...options).common).toEqual(all);
    expect(called("conflicts", ...options, "list").common).toEqual(all);
    expect(called("--profile", "home", "conflicts", "--json", "list", "--profile", "work").common).toEqual({
      ...plain,
      json: true,
      profile: "work",
    });
  });

  it("that ends before its command says so", () => {
    for (const words of [[], ["--json"], ["conflicts"], ["conflicts", "--json"]]) {
      expect(() => called(...words)).toThrow("no command was given: --help lists them");
    }
  });

  it("leaves an option to its command where gibbon itself has one of that name", () => {
    const { command, input } = called("restore", "lamp", "--version", "v1");
    expect([command.name, input.text("version")]).toEqual(["restore", "v1"]);
  });
});

describe("--set", () => {
  it("reads JSON where it reads as JSON, and text otherwise", () => {
    const texts = [
      "on=true",
      "level=40",
      "name=Desk lamp",
      "tags=[1,2]",
      "note=a=b",
      "empty=",
      "code==007",
      'list:={"a":null}',
    ];
    expect(parseAssignments(texts)).toEqual({
      on: true,
      level: 40,
      name: "Desk lamp",
      tags: [1, 2],
      note: "a=b",
      empty: "",
      code: "007",
      list: { a: null },
    });
  });

  it.each(["on", "=true", "x:=nonsense"])("refuses %s", (text) => {
    expect(() => parseAssignments([text])).toThrow(usage);
  });
});

describe("a body", () => {
  it("has to be a JSON object", () => {
    expect(parseBody('{"on":true}', "--body")).toEqual({ on: true });
    for (const text of ["[1]", "7", "null", "{"]) expect(() => parseBody(text, "--body")).toThrow(usage);
  });
});

describe("a name", () => {
  it("is text, and not emptied unasked", () => {
    for (const body of [{}, { on: true }, { name: "Lamp" }]) mustKeepName(body);
    for (const name of ["", " ", 42, null]) expect(() => mustKeepName({ name })).toThrow(usage);
    expect(() => mustKeepName({ name: 42 })).toThrow("--set name==42 takes it as text");
  });
});

describe("exit codes", () => {
  const kinds: readonly ErrorKind[] = [
    "invalid",
    "not-found",
    "already-exists",
    "permission-denied",
    "unauthenticated",
    "stale",
    "failed-precondition",
    "unimplemented",
    "exhausted",
    "unavailable",
    "deadline-exceeded",
    "cancelled",
    "internal",
  ];

  it("stand in the table, for every kind of error", () => {
    const table: number[] = EXIT_CODES.map(({ code }) => code);
    for (const kind of kinds) expect(table).toContain(exitCodeOf(new DomainError(kind, "?", { reason: "?" })));
    expect(exitCodeOf(new Error("a bug"))).toBe(1);
    expect(exitCodeOf(new DomainError("invalid", "?", { reason: "USAGE" }))).toBe(2);
    expect(exitCodeOf(new DomainError("cancelled", "?", { reason: "INTERRUPTED" }))).toBe(130);
  });
});

describe("a profile", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gibbon-profile-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is kept where the user's folders are, for nobody else", () => {
    const environment = { HOME: folder, XDG_CONFIG_HOME: "relative/is/ignored" };
    expect(replicaFile(environment, "work")).toBe(join(folder, ".local/share/gibbon/work.db"));
    const file = profileFile(environment, "default");
    writeProfile(file, { kind: "urls", urls: URLS, token: { kind: "text", text: "t" } });
    expect([statSync(file).mode & 0o777, statSync(join(folder, ".config/gibbon")).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(connectionOf(readProfile({}, file))).toEqual({ urls: URLS, token: "t" });
  });

  it.each(["../other", "", "a/b", "x".repeat(65)])("is not named %j", (name) => {
    expect(() => profileFile({}, name)).toThrow(usage);
  });

  it.each([
    ["no profile", {}, "run gibbon login"],
    [
      "half an environment",
      { FUNKYGIBBON_TOKEN: "t" },
      "set SYNC_COORDINATOR_URL, ENTITY_STORE_URL, CONFLICT_RESOLUTION_URL too",
    ],
    [
      "no token",
      { SYNC_COORDINATOR_URL: "http://sync" },
      "set ENTITY_STORE_URL, CONFLICT_RESOLUTION_URL, FUNKYGIBBON_TOKEN too",
    ],
  ])("that cannot be used says in one sentence why: %s", (_what, environment, message) => {
    const file = join(folder, "default.json");
    expect(() => connectionOf(readProfile(environment, file))).toThrow(
      expect.objectContaining({ reason: "NOT_SET_UP", message: expect.stringContaining(message) }),
    );
  });

  it("of a local system that does not run leads nowhere for now", () => {
    const profile = readProfile({ FUNKYGIBBON_ENDPOINTS: "/nowhere/endpoints.json" }, join(folder, "default.json"));
    const message = expect.stringContaining("there is no /nowhere/endpoints.json: the local system does not run");
    expect(() => connectionOf(profile)).toThrow(expect.objectContaining({ kind: "unavailable", message }));
  });

  it("that was damaged is named, and so is a file that holds no endpoints", () => {
    const file = join(folder, "default.json");
    for (const text of ["{", "null", '{"kind":"urls"}', '{"kind":"endpoints","file":"x","role":"king"}']) {
      writeFileSync(file, text);
      expect(() => readProfile({}, file)).toThrow("cannot be read");
    }
    const below = join(file, "below.json");
    expect(() => writeProfile(below, { kind: "endpoints", file, role: "owner" })).toThrow(`${below} cannot be written`);
    expect(() => connectionOf({ kind: "endpoints", file, role: "owner" })).toThrow("is no endpoints.json");
  });
});

describe.runIf(process.platform === "linux")("a folder that takes none", () => {
  it("is named in one sentence, where Node's own mkdir would try for ever", () => {
    const environment = {
      XDG_DATA_HOME: "/proc/gibbon-test",
      SYNC_COORDINATOR_URL: "http://127.0.0.1:9",
      ENTITY_STORE_URL: "http://127.0.0.1:9",
      CONFLICT_RESOLUTION_URL: "http://127.0.0.1:9",
      FUNKYGIBBON_TOKEN: "t",
    };
    const main = fileURLToPath(new URL("./main.ts", import.meta.url));
    const ended = spawnSync(process.execPath, [main, "ls"], { env: environment, encoding: "utf8", timeout: 20_000 });
    expect([ended.status, ended.stderr]).toEqual([
      4,
      "gibbon: /proc/gibbon-test/gibbon/default.db cannot be written: ENOENT: no such file or directory, mkdir '/proc/gibbon-test'\n",
    ]);
  }, 30_000);
});

describe("a terminal", () => {
  it("that cannot go back in its line is shown no progress", () => {
    const shown = (environment: Record<string, string>) => {
      const stream = Object.assign(new PassThrough(), { isTTY: true as const, columns: 80 });
      new Terminal({ stdin: stream, stdout: stream, stderr: stream }, environment, true).progress("sending …");
      return stream.read()?.toString() ?? "";
    };
    expect(shown({ TERM: "xterm" })).toContain("sending …");
    expect(shown({ TERM: "dumb" })).toBe("");
  });
});

describe("a token", () => {
  it("tells whose it is, without being believed", () => {
    const middle = Buffer.from(JSON.stringify({ sub: "ada", household: "h", role: "owner", exp: 10 })).toString(
      "base64url",
    );
    expect(claimsOf(`x.${middle}.x`)).toEqual({ user: "ada", household: "h", role: "owner", expiresMs: 10_000 });
    expect([claimsOf("nonsense"), claimsOf("a.b.c")]).toEqual([undefined, undefined]);
  });
});
