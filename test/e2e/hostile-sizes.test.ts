import { toBinary } from "@bufbuild/protobuf";
import { ListConflictsResponseSchema } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ConflictDecision,
  type ConflictRecord,
  ResolutionStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { PushResultSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { BODY_LIMITS, MAX_PUSH_BYTES } from "@funkygibbon/kernel/limits";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen } from "../support/device-pen.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** What a gRPC client takes that nobody has told otherwise. */
const ANY_CLIENT_TAKES = 4 * 1024 * 1024;
/** As many records at the size limit as one push holds. */
const RECORDS = Math.floor(MAX_PUSH_BYTES / BODY_LIMITS.maxBytes);

/** A body of exactly the greatest size. */
function fullBody(letter: string) {
  return { note: letter.repeat(BODY_LIMITS.maxBytes - '{"note":""}'.length) };
}

async function allConflicts(household: TestHousehold): Promise<readonly ConflictRecord[]> {
  const conflicts: ConflictRecord[] = [];
  let pageToken = "";
  do {
    const page = await system.clients.conflicts.listConflicts(
      { pageSize: 200, pageToken },
      { token: household.tokens.guest },
    );
    expect(toBinary(ListConflictsResponseSchema, page).length).toBeLessThan(ANY_CLIENT_TAKES);
    expect(page.conflicts.length).toBeGreaterThan(0);
    conflicts.push(...page.conflicts);
    ({ nextPageToken: pageToken } = page);
  } while (pageToken !== "");
  return conflicts;
}

describe("a push as large as may be, all of whose records at the size limit have diverged", () => {
  it("is merged, and whoever is told of the conflicts is told in messages of a size that any client takes", async () => {
    const household = await system.newHousehold();
    const { tokens } = household;
    const open = (deviceId: string) => WireDevice.open({ sync: system.clients.sync, token: tokens.owner, deviceId });
    await using panel = open("panel");
    await using phone = open("phone");
    await Promise.all([panel.upToDate(), phone.upToDate()]);
    const pens = { panel: new DevicePen("panel"), phone: new DevicePen("phone") };
    const created = Array.from({ length: RECORDS }, () => pens.panel.entity(fullBody("a")));
    await panel.push(created);
    await panel.push(created.map((change) => pens.panel.update(change, fullBody("b"))));
    const answer = await phone.push(created.map((change) => pens.phone.update(change, fullBody("c"))));

    expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual(created.map(() => Outcome.MERGED));
    expect(toBinary(PushResultSchema, answer).length).toBeLessThan(ANY_CLIENT_TAKES);
    // Each conflict is named. The first ones say all of it; the rest say that they do not.
    expect(answer.conflicts.map(({ recordId }) => recordId)).toEqual(created.map(({ recordId }) => recordId));
    const told = answer.conflicts.findIndex(({ detailsLeftOut }) => detailsLeftOut);
    expect(told).toBeGreaterThan(1);
    for (const [index, { details, detailsLeftOut, decision }] of answer.conflicts.entries()) {
      expect(decision).toBe(ConflictDecision.MERGED);
      expect(details).toHaveLength(index < told ? 1 : 0);
      expect(detailsLeftOut).toBe(index >= told);
    }

    const conflicts = await allConflicts(household);
    expect(conflicts.map(({ recordId }) => recordId).sort()).toEqual(created.map(({ recordId }) => recordId).sort());

    // All of them settled at once.
    const { results } = await system.clients.conflicts.settleConflicts(
      {
        conflicts: conflicts.map(({ id, etag }) => ({ id, etag })),
        strategy: ResolutionStrategy.ACCEPT_SERVER,
      },
      { token: tokens.member },
    );
    expect(results.map(({ id, failureReason, conflict }) => [id, failureReason, conflict?.fields])).toEqual(
      conflicts.map(({ id }) => [id, "", []]),
    );
    const [first] = conflicts;
    const shown = await system.clients.conflicts.getConflict({ id: first?.id ?? "" }, { token: tokens.guest });
    expect(JSON.parse(shown.fields[0]?.values?.decidedJson ?? "")).toBe(fullBody("b").note);
    const head = await system.clients.entities.getEntity({ id: first?.recordId ?? "" }, { token: tokens.guest });
    expect(JSON.parse(head.entity?.bodyJson ?? "")).toEqual(fullBody("b"));
  }, 60_000);
});
