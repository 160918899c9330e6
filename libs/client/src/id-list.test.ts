import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import fc from "fast-check";
import { expect, it } from "vitest";
import { IdList } from "./id-list.ts";

it("finds each id where it is, also in a text of others, and none that is not there", () => {
  const ids = fc.uniqueArray(
    fc.uuid().map((id) => parseRecordId(id)),
    { maxLength: 50 },
  );
  fc.assert(
    fc.property(ids, ids, (inside, asked) => {
      const list = new IdList(inside.join(""));
      expect([...list]).toEqual(inside);
      expect(inside.map((id) => list.placeOf(id))).toEqual([...inside.keys()]);
      const strange = asked.filter((id) => !inside.includes(id));
      const text = [...strange, ...inside].join("");
      const places = Array.from({ length: strange.length + inside.length }, (_, number) => list.placeIn(text, number));
      expect(places).toEqual([...strange.map(() => undefined), ...inside.keys()]);
    }),
  );
});

it("finds nothing for what only begins with an id, or is none", () => {
  const id = parseRecordId("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
  const list = new IdList(id);
  const hostile = [`${id}x`, `${id}${id}`, id.slice(0, -1), "", "__proto__", "\ud83d"] as RecordId[];
  expect(hostile.map((text) => list.placeOf(text))).toEqual(hostile.map(() => undefined));
});

it("takes no text that ends in the middle of an id", () => {
  expect(() => new IdList("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d2")).toThrow("35 characters are not whole ids");
});
