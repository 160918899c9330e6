import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { Listeners } from "./listeners.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientPen, room, roomNames, within } from "./testing/scenario.ts";

const fault = new Error("a fault of the app");
const throwIt = () => {
  throw fault;
};

/** What nobody has caught since the test began. */
let uncaught: unknown[];
let others: NodeJS.UncaughtExceptionListener[];

beforeEach(() => {
  uncaught = [];
  others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => uncaught.push(error));
});

afterEach(() => {
  process.removeAllListeners("uncaughtException");
  for (const other of others) process.on("uncaughtException", other);
});

describe("listeners", () => {
  it("that come while all are told are told from the next time on, and that go not even then", () => {
    const told: string[] = [];
    const listeners = new Listeners<number>();
    let rename = () => {};
    const again = (news: number) => {
      told.push(`again ${news}`);
      rename();
      rename = listeners.add(again);
      leave();
    };
    rename = listeners.add(again);
    const leave = listeners.add((news) => told.push(`gone ${news}`));
    listeners.tell(1);
    listeners.tell(2);
    expect(told).toEqual(["again 1", "again 2"]);
  });

  it("that are the same function are told, and go, each for itself", () => {
    const told: number[] = [];
    const listeners = new Listeners<number>();
    const listener = (news: number) => told.push(news);
    const leave = listeners.add(listener);
    listeners.add(listener);
    listeners.tell(1);
    leave();
    listeners.tell(2);
    expect(told).toEqual([1, 1, 2]);
  });
});

describe("a listener that throws", () => {
  const pen = clientPen();
  afterEach(pen.closeAll);
  let server: ModelServer;
  let ada: Client;
  beforeEach(async () => {
    server = new ModelServer();
    ada = await pen.device(server, "ada");
  });

  it("does no harm to the edit of which it was told, nor to other listeners, nor to undo", async () => {
    const changes: number[] = [];
    ada.onChange(throwIt);
    ada.onChange(({ records }) => changes.push(records.size));
    await ada.create(room("Attic"));
    expect(roomNames(ada)).toEqual(["Attic"]);
    expect(changes).toEqual([1]);
    expect(await ada.undo()).toBe(true);
    expect(roomNames(ada)).toEqual([]);
    expect(uncaught).toEqual([fault, fault]);
  });

  it("of state, of a query or of conflicts does not end the sync", async () => {
    ada.onState(throwIt);
    ada.onConflict(throwIt);
    let asked = 0;
    ada.watch(
      () => {
        if (asked++ > 0) throw fault;
      },
      () => {},
    );
    await ada.create(room("Attic"));
    ada.connect();
    await ada.settled(within());
    const ben = await pen.connected(server, "ben");
    for (const session of server.sessions) session.say({ case: "conflictChanged", value: {} });
    await ben.create(room("Cellar"));
    await ada.until(() => roomNames(ada).length === 2, within());
    expect(ada.digest).toBe(server.digest);
    expect(server.hellos).toHaveLength(2);
    expect(new Set(uncaught)).toEqual(new Set([fault]));
  });

  it("or rather a condition that does, ends the waiting for it", async () => {
    const waiting = ada.until(({ phase }) => {
      if (phase === "offline") return false;
      throw fault;
    }, within());
    ada.connect();
    await expect(waiting).rejects.toBe(fault);
  });
});
