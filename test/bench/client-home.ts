import { randomUUID } from "node:crypto";
import type { BaseRecord } from "@funkygibbon/client/replica-record";
import { freshMeta } from "@funkygibbon/client/replica-record";
import { SqliteStore } from "@funkygibbon/client/sqlite-store";
import { parseDeviceId, parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { formatVersion } from "@funkygibbon/kernel/version";
import type { TextContent } from "@funkygibbon/wire/content";
import { deviceBody } from "./bench-records.ts";

/** How many records the home has: half of them devices in rooms, half the edges that put them there. */
export const HOME_RECORDS = 50_000;
const DEVICES_PER_ROOM = 50;
const PAGE = 1_000;
const DEVICE = parseDeviceId("bench-hub");

/** Writes a large home into a file as a device has it after its first pull, page by page. */
export async function writeLargeHome(file: string): Promise<void> {
  await using store = SqliteStore.open(file);
  const records = homeRecords();
  for (let from = 0; from < records.length; from += PAGE) {
    const putRecords = records.slice(from, from + PAGE);
    const meta = { ...freshMeta(DEVICE), cursor: String(from) };
    await store.apply({ meta, clearRecords: false, putRecords, putEdits: [], removeEdits: [] });
  }
}

function homeRecords(): BaseRecord[] {
  const contents: { readonly id: RecordId; readonly content: TextContent }[] = [];
  const rooms: RecordId[] = [];
  const add = (content: TextContent) => {
    const id = parseRecordId(randomUUID());
    contents.push({ id, content });
    return id;
  };
  for (let index = 0; contents.length < HOME_RECORDS; index++) {
    if (index % DEVICES_PER_ROOM === 0) {
      rooms.push(add({ kind: "entity", type: "room", source: "manual", bodyJson: `{"name":"Room ${rooms.length}"}` }));
    }
    const to = must(rooms.at(-1), "the first record is a room");
    const from = add({ kind: "entity", type: "device", source: "homekit", bodyJson: deviceBody(index) });
    add({ kind: "relationship", type: "located_in", from, to, source: "homekit", bodyJson: "{}" });
  }
  return contents.slice(0, HOME_RECORDS).map(({ id, content }, index) => ({
    record: id,
    version: formatVersion(Date.now() * 1_000, DEVICE, index + 1),
    parents: [],
    content,
    deleted: false,
    seq: index + 1,
    author: "ada",
    device: DEVICE,
    sequence: index + 1,
    stamps: [],
    claimedUs: Date.now() * 1_000,
    effectiveUs: Date.now() * 1_000,
  }));
}
