import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLogger } from "./log.ts";

function memory() {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { lines, destination };
}

describe("createLogger", () => {
  it("writes one JSON object per event, with service, level and time", async () => {
    const { lines, destination } = memory();
    const log = await createLogger({ service: "store", level: "info", destination });
    log.child({ requestId: "r" }).info({ seq: 7 }, "commit.applied");
    log.debug("not.asked-for");
    expect(lines).toEqual([
      {
        level: "info",
        time: expect.stringMatching(/Z$/),
        service: "store",
        requestId: "r",
        seq: 7,
        msg: "commit.applied",
      },
    ]);
  });

  it("never shows tokens and secrets", async () => {
    const { lines, destination } = memory();
    const log = await createLogger({ service: "store", level: "info", destination });
    log.info({ token: "hunter2", headers: { authorization: "hunter2", "x-service-authorization": "hunter2" } }, "a");
    log.info({ config: { secret: "hunter2" }, "x-actor": "hunter2" }, "b");
    expect(JSON.stringify(lines)).not.toContain("hunter2");
    expect(lines[0]).toMatchObject({ token: "[redacted]" });
  });

  it("writes to a rotating file too when asked", async () => {
    const folder = await mkdtemp(join(tmpdir(), "log-test-"));
    const log = await createLogger({ service: "store", level: "error", file: join(folder, "store.log") });
    log.error("went.wrong");
    const content = async () => {
      const texts = (await readdir(folder)).map((name) => readFile(join(folder, name), "utf8"));
      return (await Promise.all(texts)).join("");
    };
    await expect.poll(content).toContain("went.wrong");
    await rm(folder, { recursive: true });
  });
});
