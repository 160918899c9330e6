import { createHash } from "node:crypto";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import fc from "fast-check";
import { describe, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";
import { homeActions, RandomHome } from "../../test/random-home.ts";

const RUNS = Number(process.env.SOAK ?? 200);
const SOAK_TIMEOUT_MS = 300_000;

function inAnyHome(check: (home: RandomHome) => void): void {
  fc.assert(
    fc.property(homeActions, (actions) => {
      const home = new RandomHome();
      for (const step of actions) home.run(step);
      check(home);
    }),
    { numRuns: RUNS },
  );
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

describe("whatever devices, the API and the inbox do", { timeout: SOAK_TIMEOUT_MS }, () => {
  test("I1 and I3: every answered change is in the log as it was answered, and a resend changes nothing", () => {
    inAnyHome((home) => {
      for (const [version, { outcome }] of home.answered) {
        demand(home.log.version(version).outcome === outcome, `${version} is stored otherwise than it was answered`);
      }
      const before = { versions: home.log.versions.length, position: { ...home.log.position } };
      for (const replica of home.replicas) {
        const stored = [...home.answered.values()].filter(({ change }) =>
          change.version.includes(`-${replica.device.name}-`),
        );
        const { outcomes } = home.log.push(
          stored.map(({ change }) => change),
          { device: replica.device.name },
        );
        for (const [index, answer] of outcomes.entries()) {
          demand(answer?.duplicate === true, "a resend was not recognised");
          demand(answer?.outcome === stored[index]?.outcome, "a resend got another outcome");
        }
      }
      demand(home.log.versions.length === before.versions, "a resend wrote a version");
      demand(home.log.position.digest === before.position.digest, "a resend changed the digest");
    });
  });

  test("I4: seq has no gaps, commit times never decrease, and accepted versions form one chain per record", () => {
    inAnyHome(({ log }) => {
      const heads = new Map<string, string>();
      for (const [index, version] of log.versions.entries()) {
        demand(version.seq === index + 1, "gap in seq");
        demand(version.committedUs >= (log.versions[index - 1]?.committedUs ?? 0), "commit time went back");
        if (version.outcome !== "applied") continue;
        const head = heads.get(version.record);
        demand(head === undefined || version.parents.includes(head as never), `${version.version} left the chain`);
        heads.set(version.record, version.version);
      }
      for (const head of log.heads.values()) demand(heads.get(head.record) === head.version, "head is not the tip");
    });
  });

  test("I7: a device's edits are never reordered by their effective times, nor later than their receipt", () => {
    inAnyHome(({ log, replicas }) => {
      for (const { device } of replicas) {
        const own = log.versions.filter((version) => version.device === device.name);
        own.sort((a, b) => a.sequence - b.sequence);
        for (const [index, version] of own.entries()) {
          demand(version.effectiveUs >= (own[index - 1]?.effectiveUs ?? 0), "own edits were reordered");
          demand(version.effectiveUs <= version.committedUs, "an edit comes from the future");
        }
      }
    });
  });

  test("I9: what was deleted lives again only by somebody who knew of the deletion, or with the end that took it along", () => {
    inAnyHome(({ log, settled }) => {
      const heads = new Map<string, { version: string; deleted: boolean; cascaded: boolean }>();
      for (const version of log.versions) {
        if (version.outcome !== "applied") continue;
        const { record, deleted, device } = version;
        const before = heads.get(record);
        const byServer = device.startsWith("server.");
        if (before?.deleted === true && !deleted) {
          demand(!device.startsWith("merge.") || settled.has(version.version), "a merge brought it back");
          demand(version.parents.includes(before.version as never), "it came back past its deletion");
          demand(!byServer || before.cascaded, "the server brought back what a person had deleted");
        }
        heads.set(record, { version: version.version, deleted, cascaded: byServer && deleted });
      }
    });
  });

  test("I11: no live edge has a dead end and part_of never closes a cycle", () => {
    inAnyHome(({ log }) => {
      const live = [...log.heads.values()].filter((head) => !head.deleted);
      const edges = live.filter((head) => head.kind === "relationship");
      for (const edge of edges) {
        for (const end of [edge.from, edge.to]) {
          demand(
            live.some((head) => head.record === end && head.kind === "entity"),
            `${edge.record} has a dead end`,
          );
        }
      }
      for (const start of edges) {
        const visited = new Set<string>();
        let reached = edges.filter((edge) => edge.from === start.to);
        while (reached.length > 0) {
          demand(!reached.some((edge) => edge.record === start.record), `${start.record} lies on a cycle`);
          for (const edge of reached) visited.add(edge.record);
          const ends = new Set(reached.map((edge) => edge.to));
          reached = edges.filter((edge) => ends.has(edge.from) && !visited.has(edge.record));
        }
      }
    });
  });

  test("the type of an entity and the kind of a record never change", () => {
    inAnyHome(({ log }) => {
      const known = new Map<string, string>();
      for (const { record, content, outcome } of log.versions) {
        if (outcome !== "applied") continue;
        const what = content.kind === "entity" ? content.type : content.kind;
        demand((known.get(record) ?? what) === what, `${record} has become a ${what}`);
        known.set(record, what);
      }
    });
  });

  test("I2: the digest is the sum over the live heads", () => {
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    inAnyHome(({ log }) => {
      let digest = 0n;
      for (const head of log.heads.values()) {
        if (!head.deleted) digest = addToDigest(digest, digestTerm(head.record, head.version, sha256));
      }
      demand(digest === log.position.digest, "the digest went astray");
    });
  });

  test("I6: what a push sets does not depend on the order in which its changes stand", () => {
    const NODES = [1, 2, 3, 4].map(recordId);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const stampsOf = (sequence: readonly number[]) => {
          const log = new MemoryLog();
          const phone = new TestDevice("phone");
          const changes = NODES.flatMap((record) => {
            const create = phone.edit(record, { a: 1, b: 1 }, { atUs: START_US });
            return [[create, phone.edit(record, { a: 2, b: 1 }, { parents: [create.version], atUs: START_US })]];
          });
          log.push(sequence.flatMap((index) => changes[index] ?? []));
          return NODES.map((record) => [log.head(record).stamps, log.head(record).effectiveUs]);
        };
        demand(
          JSON.stringify(stampsOf(order)) === JSON.stringify(stampsOf([0, 1, 2, 3])),
          "stamps depend on the order",
        );
      }),
    );
  });
});
