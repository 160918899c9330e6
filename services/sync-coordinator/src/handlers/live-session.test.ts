import { expect, it } from "vitest";
import { quietSession } from "../../test/quiet-session.ts";

it("reads and says nothing before its welcome, although the log has moved by then", async () => {
  using quiet = quietSession();
  quiet.feed.grow(8);
  await new Promise((resolve) => setImmediate(resolve));
  expect(quiet.frames).toEqual([]);

  quiet.session.start();
  await expect.poll(() => quiet.frames).toMatchObject([{ frame: { case: "upToDate", value: { headSeq: 8n } } }]);
});
