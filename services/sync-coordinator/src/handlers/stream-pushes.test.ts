import { create } from "@bufbuild/protobuf";
import { CommitResultSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { PushSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseEpoch } from "@funkygibbon/kernel/ids";
import { expect, it, vi } from "vitest";
import { quietSession } from "../../test/quiet-session.ts";
import { ClockOffset } from "../domain/clock-offset.ts";
import { FairShare } from "../domain/fair-share.ts";
import type { LogPage } from "../domain/log-page.ts";
import type { Allowance } from "../domain/ports.ts";
import { StreamPushes } from "./stream-pushes.ts";

const renewed = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d22");

it("commits a push to the log that it was made for, although that was renewed while it waited", async () => {
  const allowed = Promise.withResolvers<Allowance>();
  const commit = vi.fn(async (_call: { readonly epoch: string }) => ({
    result: create(CommitResultSchema, { position: { epoch: renewed } }),
    written: undefined,
  }));
  using quiet = quietSession({
    rateLimits: { spend: () => allowed.promise },
    fairShare: new FairShare(),
    changeLog: { commit } as never,
  });
  const { session, feed, caller, parts } = quiet;
  const { household, epoch } = session.voice.ground;
  const pushes = new StreamPushes(session, parts, { caller, clockOffset: new ClockOffset() });
  session.start(pushes);
  pushes.take("push", create(PushSchema, { pushId: 1n, householdId: household, epoch }));

  feed.renew(renewed);
  allowed.resolve({ allowed: true, remaining: 1, resetAtUs: 0, retryAfterMs: 0 });
  await expect.poll(() => commit.mock.calls.map(([call]) => call.epoch)).toEqual([epoch]);
  // Only the good-bye speaks of the new log.
  await session.ended;
  expect(quiet.frames.at(-1)).toMatchObject({ epoch: renewed, frame: { case: "goAway" } });
});

it("tells the household what was written before the clock is raised, and the device after that", async () => {
  const raised = Promise.withResolvers<void>();
  const written = { epoch: renewed, throughSeq: 1 } as LogPage;
  using quiet = quietSession({
    rateLimits: { spend: async () => ({ allowed: true, remaining: 1, resetAtUs: 0, retryAfterMs: 0 }) },
    fairShare: new FairShare(),
    changeLog: {
      commit: async () => ({
        result: create(CommitResultSchema, { position: { epoch: renewed }, firstSeq: 1n, lastSeq: 1n }),
        written,
      }),
    } as never,
    liveClocks: { raise: () => raised.promise } as never,
  });
  const { session, caller, parts } = quiet;
  const { household, epoch } = session.voice.ground;
  const wrote = vi.spyOn(session, "wrote").mockImplementation(() => {});
  const pushes = new StreamPushes(session, parts, { caller, clockOffset: new ClockOffset() });
  session.start(pushes);
  pushes.take("push", create(PushSchema, { pushId: 1n, householdId: household, epoch }));
  const answers = () => quiet.frames.filter(({ frame }) => frame.case === "pushResult");

  await expect.poll(() => wrote.mock.calls).toEqual([[written]]);
  expect(answers()).toHaveLength(0);
  raised.resolve();
  await expect.poll(answers).toHaveLength(1);
});
