import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SERVICES } from "../services.ts";

/** A project with the outside of ours and nothing inside, to test the runner alone. */
export interface FakeProject extends Disposable {
  readonly folder: string;
  /** Replaces a file, for example to make a service fail. */
  write(path: string, source: string): void;
}

/** Answers probes, says what it was given, and ends when asked. */
const SERVICE = `
import { createServer } from "node:http";
if (process.argv[2] === "migrate") {
  console.log(JSON.stringify({ level: "info", time: new Date(), msg: "fake.migrated" }));
  process.exit(0);
}
const { PORT, HOST, SERVICE_TOKEN_FILE, DATABASE_URL, REDIS_URL, NATS_URL } = process.env;
const server = createServer((request, response) => {
  response.end(JSON.stringify({ pid: process.pid, SERVICE_TOKEN_FILE, DATABASE_URL, REDIS_URL, NATS_URL }));
});
server.listen(Number(PORT), HOST, () => console.log(JSON.stringify({ level: "info", time: new Date(), msg: "fake.started", port: Number(PORT) })));
let asked = 0;
process.on("SIGTERM", () => {
  if (++asked > 1) process.exit(1);
  setTimeout(() => {
    console.log(JSON.stringify({ level: "info", time: new Date(), msg: "fake.drained" }));
    process.exit(0);
  }, 200);
});
`;

const DEMO_LOADER = `console.log("loading for " + process.env.SYNC_COORDINATOR_URL + " with " + process.env.FUNKYGIBBON_TOKEN?.length);`;

/** Makes a fake project in a temporary folder. */
export function fakeProject(): FakeProject {
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-fake-"));
  const write = (path: string, source: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), source);
  };
  write("package.json", '{ "type": "module" }');
  for (const { name } of SERVICES) write(`services/${name}/src/main.ts`, SERVICE);
  write("examples/demo/load-demo-home.ts", DEMO_LOADER);
  return { folder, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
