import { DomainError } from "@funkygibbon/kernel/errors";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "./base-layer.ts";
import type { Client } from "./client.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientOf, within } from "./testing/scenario.ts";

/** A run that fails waits long for what never comes, so it is shown as it is instead of being made smaller. */
const RUNS = { numRuns: 40, endOnFailure: true };

const open: Client[] = [];

afterEach(async () => {
  for (const client of open.splice(0)) await client[Symbol.asyncDispose]();
});

async function device(server: ModelServer, deviceId: string): Promise<Client> {
  const client = await clientOf(server, { deviceId });
  open.push(client);
  return client;
}

function room(name: string) {
  return { type: "room" as const, body: { name } };
}

describe("two devices", () => {
  it("see each other's edits live", async () => {
    const server = new ModelServer();
    const [ada, ben] = [await device(server, "ada"), await device(server, "ben")];
    ada.connect();
    ben.connect();
    const id = await ada.create(room("Kitchen"));
    await ada.settled(within());
    await ben.until(() => ben.graph.entity(id) !== undefined, within());
    expect(ben.graph.rooms().map(({ name }) => name)).toEqual(["Kitchen"]);
    expect(ben.digest).toBe(ada.digest);
    expect(ada.digest).toBe(server.digest);
  });

  it("find everything after both were offline", async () => {
    const server = new ModelServer();
    const [ada, ben] = [await device(server, "ada"), await device(server, "ben")];
    for (let index = 0; index < 20; index++) {
      await ada.create(room(`ada ${index}`));
      await ben.create(room(`ben ${index}`));
    }
    ada.connect();
    ben.connect();
    await ada.settled(within());
    await ben.settled(within());
    await ada.until((state) => state.upToDateSeq === server.headSeq, within());
    expect(ada.graph.rooms()).toHaveLength(40);
    expect(ben.digest).toBe(ada.digest);
  });
});

type Step =
  | { readonly kind: "create" | "connect" | "disconnect" | "cut" | "breathe"; readonly who: number }
  | { readonly kind: "update" | "remove"; readonly who: number; readonly which: number }
  | { readonly kind: "restore"; readonly back: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("create"), who: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("update"), who: fc.nat(2), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("remove"), who: fc.nat(2), which: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("breathe"), who: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("connect", "disconnect", "cut"), who: fc.nat(2) }),
  },
) as fc.Arbitrary<Step>;

/** What the user of a device has seen last of each record that they edited, and must go on seeing. */
class Watcher {
  readonly #server: ModelServer;
  readonly #client: Client;
  readonly #latest = new Map<string, string>();
  readonly problems: string[] = [];

  constructor(server: ModelServer, client: Client) {
    this.#server = server;
    this.#client = client;
    client.onChange(({ records, origin }) => {
      for (const id of records) {
        const visible = client.inspect(id);
        if (origin === "local") this.#latest.set(id, visible.version ?? "");
        else this.#check(id, visible.version, visible.baseSeq);
      }
    });
  }

  /** Another version may show only when the base holds the record at the seq with which the edit was answered. */
  #check(id: string, visible: string | undefined, baseSeq: number): void {
    const own = this.#latest.get(id);
    if (own === undefined || own === "" || own === visible) return;
    const answer = this.#server.answers.get(own);
    if (answer === undefined) this.problems.push(`${this.#client.deviceId}: ${own} vanished before it was answered`);
    else if (baseSeq < answer.seq && visible !== undefined) {
      this.problems.push(`${this.#client.deviceId}: ${own}, answered at ${answer.seq}, vanished at ${baseSeq}`);
    } else this.#latest.delete(id);
  }
}

describe("any interleaving of edits, answers, pulls and broken connections", () => {
  it("keeps every edit, shows it until the base has it, and ends with equal digests", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        fc.constantFrom("merge", "supersede", "review"),
        async (steps, verdict) => {
          const server = new ModelServer();
          server.rules.diverged = () => verdict;
          const clients = [await device(server, "ada"), await device(server, "ben"), await device(server, "cy")];
          const watchers = clients.map((client) => new Watcher(server, client));
          await play(server, clients, steps);
          for (const client of clients) client.connect();
          for (const client of clients) await client.settled(within());
          for (const client of clients) {
            await client.until((state) => state.upToDateSeq === server.headSeq, within());
            expect(client.digest).toBe(server.digest);
            expect(client.digest).toBe(digestOf(client.baseRecords(), nodeSha256));
            expect(client.deadLetters()).toEqual([]);
            expect(client.state.digestMismatches).toBe(0);
          }
          expect(watchers.flatMap(({ problems }) => problems)).toEqual([]);
          expectNothingTwice(server);
          for (const client of open.splice(0)) await client[Symbol.asyncDispose]();
        },
      ),
      RUNS,
    );
  });
});

describe("a server that is restored from backups while devices come and go", () => {
  it("has every edit again that any device held, and all digests are equal", async () => {
    const withRestores = fc.oneof(
      { weight: 12, arbitrary: step },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore"), back: fc.nat(20) }) as fc.Arbitrary<Step> },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(withRestores, { minLength: 15, maxLength: 60 }), async (steps) => {
        const server = new ModelServer();
        const clients = [await device(server, "ada"), await device(server, "ben"), await device(server, "cy")];
        const held = new Set<string>();
        const lineage = new Map<string, readonly string[]>();
        await play(server, clients, steps, () => {
          held.clear();
          for (const { version, change } of server.log) lineage.set(version, change.parentVersions);
          for (const client of clients) for (const { version } of client.baseRecords()) held.add(version);
        });
        for (const client of clients) client.connect();
        for (const client of clients) await client.settled(within());
        for (const client of clients) {
          await client.until((state) => state.epoch === server.epoch && state.upToDateSeq === server.headSeq, within());
          await client.settled(within());
        }
        for (const client of clients) expect(client.digest).toBe(server.digest);
        // What was still on its way to a device may have replaced what it held: that then descends from it.
        const known = withAncestors(server, lineage);
        expect([...held].filter((version) => !known.has(version))).toEqual([]);
        expect(clients.flatMap((client) => client.deadLetters())).toEqual([]);
        for (const client of open.splice(0)) await client[Symbol.asyncDispose]();
      }),
      RUNS,
    );
  });
});

function withAncestors(server: ModelServer, lineage: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const known = new Set<string>();
  const add = (version: string): void => {
    if (known.has(version)) return;
    known.add(version);
    for (const parent of lineage.get(version) ?? []) add(parent);
  };
  for (const { version, change } of server.log) for (const id of [version, ...change.parentVersions]) add(id);
  return known;
}

async function play(
  server: ModelServer,
  clients: readonly Client[],
  steps: readonly Step[],
  beforeRestore: () => void = () => undefined,
): Promise<void> {
  let count = 0;
  for (const one of steps) {
    if (one.kind === "restore") {
      beforeRestore();
      server.restore(Math.max(0, server.headSeq - one.back));
      continue;
    }
    const client = clients[one.who] as Client;
    const seen = client.graph.find();
    switch (one.kind) {
      case "create":
        await client.create(room(`room ${count++}`));
        break;
      case "update":
        await ifStillThere(() => client.update(seen[one.which % seen.length]?.id ?? NOBODY, { value: count++ }));
        break;
      case "remove":
        await ifStillThere(() => client.remove(seen[one.which % seen.length]?.id ?? NOBODY));
        break;
      case "connect":
        client.connect();
        break;
      case "disconnect":
        await client.disconnect();
        break;
      case "cut":
        for (const session of [...server.sessions]) if (session.device === client.deviceId) session.cut();
        break;
      case "breathe":
        await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const NOBODY = "00000000-0000-7000-8000-000000000000";

/** Another device may have deleted the record in the same instant. */
async function ifStillThere(edit: () => Promise<unknown>): Promise<void> {
  await edit().catch((error: unknown) => {
    if (!(error instanceof DomainError && error.kind === "not-found")) throw error;
  });
}

/** A version is one edit: whatever was sent under it was the same every time, and is in the log once. */
function expectNothingTwice(server: ModelServer): void {
  const versions = server.log.map(({ version }) => version);
  expect(new Set(versions).size).toBe(versions.length);
  const bodies = new Map<string, string>();
  for (const { changes } of server.pushes) {
    for (const change of changes) {
      const said = JSON.stringify([change.parentVersions, change.content.value, change.deleted]);
      expect(bodies.get(change.version) ?? said).toBe(said);
      bodies.set(change.version, said);
    }
  }
}
