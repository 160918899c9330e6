// Opens the replica in the file that its second argument names, in a fresh process as an app does, and reports a line of
// JSON: how long that took and what it cost. With `bare` as the first argument it only reads the same rows.
import { DatabaseSync } from "node:sqlite";
import { openNodeClient } from "@funkygibbon/client/node-client";

const [what, file = ""] = process.argv.slice(2);
const megabytes = () => process.memoryUsage().rss / 2 ** 20;

const before = megabytes();
const startMs = performance.now();
if (what === "bare") {
  const database = new DatabaseSync(file);
  const statement = database.prepare("SELECT * FROM records");
  statement.setReturnArrays(true);
  statement.all();
  report(0);
} else {
  const client = await openNodeClient({ url: "http://127.0.0.1:1", token: () => "none", file });
  const openedMs = performance.now() - startMs;
  report(client.graph.rooms().length, openedMs);
}

function report(rooms: number, ms = performance.now() - startMs): void {
  console.log(JSON.stringify({ ms, megabytes: megabytes() - before, rooms }));
}
