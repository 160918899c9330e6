import { outcomes as outcomeNames } from "@funkygibbon/wire/outcomes";
import type { DeviceFrame, ServerFrame } from "../../libs/client/src/transport.ts";

/** A frame as whoever reads a failure wants to see it. */
export function describeFrame(frame: DeviceFrame | ServerFrame["frame"]): string {
  switch (frame.case) {
    case "hello": {
      const { epoch, cursor, metadata } = frame.value;
      return `hello ${metadata?.syncReason ?? ""} ${epoch.slice(-4)} ${cursor === "" ? "from empty" : "from its cursor"}`;
    }
    case "push":
    case "heal": {
      const { pushId, epoch, changes } = frame.value;
      return `${frame.case} ${pushId} ${epoch.slice(-4)} ${changes.map(({ version }) => version).join(" ")}`;
    }
    case "ack":
      return `ack ${frame.value.frameId}`;
    case "welcome": {
      const { headSeq, highestSequence, forked } = frame.value;
      return `welcome ${headSeq}, highest ${highestSequence}${forked ? ", forked" : ""}`;
    }
    case "changes": {
      const records = frame.value.records.map(({ record }) => {
        const { seq, version } = record.value ?? {};
        return `${seq}=${record.case === "own" ? "own " : ""}${version}`;
      });
      return `changes ${frame.value.frameId}: ${records.join(" ")}`;
    }
    case "upToDate":
      return `up to date at ${frame.value.headSeq}`;
    case "pushResult": {
      const { pushId, outcomes, refusedReason } = frame.value;
      const answers = outcomes.map(({ outcome, headSeq }) => `${outcomeNames.fromWire(outcome) ?? outcome}@${headSeq}`);
      return `push result ${pushId} ${refusedReason} ${answers.join(" ")}`;
    }
    case "goAway":
      return `go away: ${frame.value.message}`;
    default:
      return frame.case ?? "nothing";
  }
}
