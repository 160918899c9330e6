import type { DeviceFrame, ServerFrame, Transport, TransportSession } from "@funkygibbon/client/transport";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { ChangesFrame } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Journal } from "./journal.ts";

/** A transport whose frames are read along: answers go into the journal, pages must come in the order of their seq (I4). */
export function journaledTransport(inner: Transport, device: string, journal: Journal): Transport {
  return {
    platform: inner.platform,
    pushWindow: inner.pushWindow,
    open: (options) => journaledSession(inner.open(options), device, journal),
  };
}

function journaledSession(inner: TransportSession, device: string, journal: Journal): TransportSession {
  const sent = new Map<string, Change>();
  let pulledSeq = 0;
  const hearPage = (page: ChangesFrame): void => {
    for (const { record } of page.records) {
      if (record.case === undefined) continue;
      const seq = Number(record.value.seq);
      if (seq <= pulledSeq) journal.surprises.push(`${device} was sent seq ${seq} after ${pulledSeq} (I4)`);
      pulledSeq = seq;
    }
  };
  const hear = ({ epoch, frame }: ServerFrame): void => {
    if (frame.case === "changes") hearPage(frame.value);
    if (frame.case !== "pushResult") return;
    for (const outcome of frame.value.outcomes) {
      const change = sent.get(outcome.version);
      if (change === undefined)
        journal.surprises.push(`${device} was answered for ${outcome.version}, which it never sent`);
      else if (change.heal === undefined) journal.note(change, outcome, epoch);
    }
  };
  return {
    frames: readAlong(inner.frames, hear),
    send(frame: DeviceFrame) {
      if (frame.case === "push" || frame.case === "heal") {
        for (const change of frame.value.changes) sent.set(change.version, change);
      }
      return inner.send(frame);
    },
    close: () => inner.close(),
  };
}

async function* readAlong(frames: AsyncIterable<ServerFrame>, hear: (frame: ServerFrame) => void) {
  for await (const frame of frames) {
    hear(frame);
    yield frame;
  }
}
