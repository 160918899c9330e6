import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** What a device is told when it is born. */
export interface MortalOrders {
  readonly url: string;
  readonly token: string;
  /** Its store. */
  readonly file: string;
  readonly deviceId: string;
  /** A record that every device notes its edits in, each under a key of its own. */
  readonly ledger: string;
  /** Which of the device's lives this is. */
  readonly life: number;
  readonly seed: number;
}

/** What a device says of an edit: that it is about to try, or that its client has confirmed it. */
export interface JournalLine {
  readonly stage: "will" | "did";
  readonly op: "open" | "create" | "note" | "remove";
  /** The room and the device that are created, the key that is noted, the room that is removed, the device's id. */
  readonly what: string;
}

/** When a life ends: so many lines after it has opened its store, and then so many milliseconds later. */
export interface Death {
  readonly afterLines: number;
  readonly afterMs: number;
}

/** Lives until it is killed (SIGKILL). @returns what it had said. @throws when it ends by itself. */
export async function liveAndDie(orders: MortalOrders, death: Death): Promise<JournalLine[]> {
  const program = new URL("mortal-device.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, MORTAL_ORDERS: JSON.stringify(orders) },
  });
  const said: JournalLine[] = [];
  const due = Promise.withResolvers<void>();
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    said.push(JSON.parse(line));
    if (said.length > death.afterLines) due.resolve();
  });
  const heard = once(reader, "close");
  const exited = once(child, "exit");
  await Promise.race([due.promise, exited]);
  await sleep(death.afterMs);
  child.kill("SIGKILL");
  const [, signal] = await exited;
  await heard;
  if (signal !== "SIGKILL") throw new Error(`${orders.deviceId} ended by itself in life ${orders.life}`);
  return said;
}
