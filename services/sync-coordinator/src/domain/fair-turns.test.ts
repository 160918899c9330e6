import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { FairTurns } from "./fair-turns.ts";

const [noisy, quiet] = [parseHouseholdId("noisy"), parseHouseholdId("quiet")];

/** Turns whose beginnings are noted, and can be ended by name. */
function turnsWith(limits: { atOnce?: number; perHousehold?: number; bytesPerHousehold?: number }) {
  const turns = new FairTurns({ atOnce: 100, perHousehold: 100, bytesPerHousehold: 1_000, ...limits });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    end: (name: string) => ends.get(name)?.(),
    enter(household: typeof noisy, name: string, bytes = 0) {
      ends.set(
        name,
        turns.enter(household, bytes, () => begun.push(name)),
      );
    },
    run: turns.run.bind(turns),
  };
}

it("begins little of a household at once, whatever it has waiting, so that another begins at once", () => {
  const { begun, end, enter } = turnsWith({ perHousehold: 2 });
  for (let count = 1; count <= 500; count += 1) enter(noisy, `n${count}`);
  enter(quiet, "q1");
  expect(begun).toEqual(["n1", "n2", "q1"]);
  end("n2");
  expect(begun.slice(3)).toEqual(["n3"]);
});

it("lets households take turns when all that may be under way is", () => {
  const { begun, end, enter } = turnsWith({ atOnce: 2 });
  for (let count = 1; count <= 500; count += 1) enter(noisy, `n${count}`);
  for (let count = 1; count <= 3; count += 1) enter(quiet, `q${count}`);
  for (const name of ["n1", "n2", "n3", "q1"]) end(name);
  expect(begun).toEqual(["n1", "n2", "n3", "q1", "n4", "q2"]);
});

it("counts bytes of a household too, and lets what is larger than its share go alone", () => {
  const { begun, end, enter } = turnsWith({ bytesPerHousehold: 10 });
  enter(noisy, "giant", 50);
  enter(noisy, "small", 6);
  enter(noisy, "another", 6);
  expect(begun).toEqual(["giant"]);
  end("giant");
  expect(begun).toEqual(["giant", "small"]);
  end("small");
  expect(begun).toEqual(["giant", "small", "another"]);
});

it("passes over what is not wanted any more, and gives room back once", () => {
  const { begun, end, enter } = turnsWith({ atOnce: 1 });
  for (const name of ["n1", "n2", "n3", "n4"]) enter(noisy, name);
  end("n2");
  end("n1");
  end("n1");
  expect(begun).toEqual(["n1", "n3"]);
});

it("gives room back when work fails", async () => {
  const { run } = turnsWith({ atOnce: 1 });
  await expect(run(noisy, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await run(quiet, async () => "done")).toBe("done");
});
