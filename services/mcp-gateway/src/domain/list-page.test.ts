import { expect, it } from "vitest";
import { nameKey, pageOfList } from "./list-page.ts";

const names = ["lamp", "Bell", "bell", "Äpfel", "x".repeat(300)];
const page = (cursor: string | undefined, about = "kitchen", all = names) =>
  pageOfList(all, { about, keyOf: (name) => nameKey(name, name), limit: 2, cursor });

it("goes through a list by name, also when what the last page ended with is gone", () => {
  const first = page(undefined);
  expect(first).toMatchObject({ items: ["Bell", "bell"], total: 5 });
  const without = names.filter((name) => name !== "bell");
  const second = page(first.nextCursor, "kitchen", without);
  expect(second.items).toEqual(["lamp", "x".repeat(300)]);
  expect(page(second.nextCursor)).toMatchObject({ items: ["Äpfel"], nextCursor: undefined });
});

it.each(["", "nonsense", "bnVsbA", page(undefined, "hall").nextCursor ?? ""])("refuses the cursor %j", (cursor) => {
  expect(() => page(cursor)).toThrow(expect.objectContaining({ reason: "INVALID_ARGUMENTS" }));
});
