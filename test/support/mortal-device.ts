// A device in a process of its own that edits and syncs until it is killed, and tells its journal, a line of JSON per
// edit, before it tries one (`will`) and once its client has confirmed it (`did`). Started by mortal-life.ts.
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { SeededRandom } from "../faults/seeded-random.ts";
import type { JournalLine, MortalOrders } from "./mortal-life.ts";

const orders = JSON.parse(process.env.MORTAL_ORDERS ?? "") as MortalOrders;
const random = new SeededRandom(orders.seed);
const rooms: string[] = [];

/** Straight to the pipe: what was said before the kill is heard after it. */
function tell(line: JournalLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function journalled(entry: Omit<JournalLine, "stage">, work: () => Promise<unknown>): Promise<void> {
  tell({ stage: "will", ...entry });
  await work();
  tell({ stage: "did", ...entry });
}

const client = await openNodeClient({
  url: orders.url,
  token: () => orders.token,
  file: orders.file,
  deviceId: orders.deviceId,
});
tell({ stage: "did", op: "open", what: client.deviceId });
client.connect();

for (let n = 0; ; n++) {
  const name = `${orders.deviceId} ${orders.life} ${n}`;
  const old = random.happens(0.15) ? rooms.pop() : undefined;
  if (old !== undefined) {
    await journalled({ op: "remove", what: old }, () => client.remove(old));
  } else if (random.happens(0.5) && client.get(orders.ledger) !== undefined) {
    await journalled({ op: "note", what: name }, () => client.update(orders.ledger, { [name]: n }));
  } else {
    const [room, device] = [client.newId(), client.newId()];
    await journalled({ op: "create", what: `${room} ${device}` }, () =>
      client.edit((editor) => {
        editor.create({ id: room, type: "room", body: { name } });
        editor.create({ id: device, type: "device", body: { name } });
        editor.relate({ type: "located_in", from: device, to: room });
      }),
    );
    rooms.push(room);
  }
  // Mostly as fast as it can, and now and then slow enough for the sync to catch up between two edits.
  if (random.happens(0.2)) await sleep(random.between(1, 12));
}
