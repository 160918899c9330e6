import { randomUUID } from "node:crypto";
import { must } from "@funkygibbon/kernel/must";
import { homeTools } from "@funkygibbon/mcp-gateway/handlers/tools/catalog";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectAssistant, type ToolError } from "../../support/assistant.ts";
import { type Constellation, constellation } from "../../support/constellation.ts";
import { type FurnishedHome, furnishedHome } from "./furnished-home.ts";
import { readingTheGraph } from "./reading-the-graph.ts";
import { readingThePast } from "./reading-the-past.ts";
import { type Doors, idOf, type NameCase, type Told, type ToolRow } from "./row.ts";
import { writing } from "./writing.ts";

// Every tool against the same questions, on the real services. What is asked of one stands in its row.

const rows: readonly ToolRow[] = [...readingTheGraph, ...readingThePast, ...writing];

let house: Constellation;
let theirs: FurnishedHome;

beforeAll(async () => {
  // A person does not ask as fast as this.
  house = await constellation({ environment: { MCP_USER_REQUESTS_PER_SECOND: "10000" } });
  theirs = await furnishedHome(house, "tv-upstairs");
});
afterAll(async () => {
  await theirs?.[Symbol.asyncDispose]();
  await house?.[Symbol.asyncDispose]();
});

it("has a row for every tool of the catalog", () => {
  expect(rows.map(({ tool }) => tool).toSorted()).toEqual(homeTools.map(({ name }) => name).toSorted());
});

describe.each(rows)("$tool", (row) => {
  const { access } = must(
    homeTools.find(({ name }) => name === row.tool),
    "the row is of a tool",
  );
  let home: FurnishedHome;
  let doors: Doors;

  beforeAll(async () => {
    home = await furnishedHome(house, "panel");
    doors = { clients: house.clients, as: { token: home.household.tokens.owner } };
  });
  afterAll(() => home?.[Symbol.asyncDispose]());

  const ask = (args: object) => home.assistant.call<Told>(row.tool, { ...args });
  /** The ordinary call with this id in one argument. */
  const asking = ({ argument, beside }: Pick<NameCase, "argument" | "beside">, id: string) =>
    ask({ ...beside?.(home), [argument]: id });
  const names = typeof row.names === "string" ? [] : row.names;

  /** Where the log stands, and how many conflicts wait: moved by any write. */
  async function state() {
    const { versions, openConflicts } = await doors.clients.graph.getStatistics({}, doors.as);
    return { versions, openConflicts };
  }

  if (typeof row.empty !== "string") {
    const { args, data } = row.empty;
    it("says so when there is nothing", async () => {
      const answer = await ask(args(home));
      expect(answer.failed).toBe(false);
      expect(answer.data).toMatchObject(data);
      expect(answer.text).not.toBe("");
    });
  }

  it.each(names)("answers an unknown $argument so that the next call can be right", async (name) => {
    const { failed, error } = await asking(name, randomUUID());
    expect(failed).toBe(true);
    expect(error?.reason).toMatch(/_UNKNOWN$|^INVALID_ARGUMENTS$/);
    expect(waysOn(error, name)).not.toEqual([]);
  });

  it.each(names.flatMap(({ wrong, ...name }) => (typeof wrong === "string" ? [{ ...name, wrong }] : [])))(
    "refuses a thing of another kind as $argument",
    async ({ wrong, ...name }) => {
      const { failed, error } = await asking(name, idOf(home, wrong));
      expect(failed).toBe(true);
      expect(error?.reason).toMatch(/_WRONG_TYPE$|^FORBIDDEN_EDGE$/);
    },
  );

  it.each(names)("takes another household's id as $argument for one that never was", async (name) => {
    const [taken, never] = [idOf(theirs, name.right), randomUUID()];
    const before = await state();
    const forTheirs = await asking(name, taken);
    const forNobodys = await asking(name, never);
    expect(forTheirs.failed).toBe(true);
    expect(forTheirs.text.replaceAll(taken, never)).toBe(forNobodys.text);
    expect(forTheirs.error?.reason).toBe(forNobodys.error?.reason);
    expect(await state()).toEqual(before);
  });

  if (typeof row.pages !== "string") {
    const { args, limit, list } = row.pages;
    const [argument, most] = limit;
    const pageOf = async (whose: FurnishedHome, paging: object) => {
      const answer = await whose.assistant.call<Page>(row.tool, { ...args(whose), ...paging });
      expect(answer.error).toBeUndefined();
      return { items: answer.data[list] as object[], cursor: answer.data.next_cursor };
    };

    it("tells everything once, page by page", async () => {
      const all = await pageOf(home, { [argument]: most });
      expect(all.items.length).toBeGreaterThan(1);
      expect(all.cursor).toBeUndefined();
      const told: object[] = [];
      for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
        const page = await pageOf(home, { [argument]: 1, ...(cursor === undefined ? {} : { cursor }) });
        expect(page.items).toHaveLength(1);
        told.push(...page.items);
        cursor = page.cursor;
      }
      expect(inOrder(told)).toEqual(inOrder(all.items));
    });

    it("refuses a cursor that is none, and one of another home", async () => {
      const { cursor } = await pageOf(theirs, { [argument]: 1 });
      for (const wrong of ["nonsense", must(cursor, "there is more than one")]) {
        const { failed, error } = await ask({ ...args(home), cursor: wrong });
        expect(failed).toBe(true);
        expect(error?.arguments).toMatchObject([{ field: "cursor" }]);
      }
    });
  }

  it("refuses more than its limit and names the argument", async () => {
    const before = await state();
    const { failed, error, text } = await ask(row.overLimit.args(home));
    expect(failed).toBe(true);
    expect(error?.arguments?.map(({ field }) => field.split(".")[0])).toContain(row.overLimit.field);
    expect(text).toContain(row.overLimit.field);
    expect(await state()).toEqual(before);
  });

  it(access === "read" ? "answers a guest as it answers a member" : "is not for guests", async () => {
    await using guest = await connectAssistant(house, home.household.tokens.guest);
    const before = await state();
    const answer = await guest.call(row.tool, row.happy.args(home));
    if (access === "read") expect(answer.data).toEqual((await ask(row.happy.args(home))).data);
    else expect(answer.error?.reason).toBe("READ_ONLY");
    expect(await state()).toEqual(before);
  });

  if (access === "write") {
    it("tells on a dry run what it would do, and does nothing", async () => {
      const before = await state();
      const answer = await ask({ ...row.happy.args(home), dry_run: true });
      expect(answer).toMatchObject({ failed: false, data: { dry_run: true } });
      expect(answer.text).toMatch(/^Would /);
      expect(await state()).toEqual(before);
    });
  }

  it("does what it says, as another door tells", async () => {
    const answer = await ask(row.happy.args(home));
    expect(answer.text).not.toBe("");
    expect(answer.error).toBeUndefined();
    await row.happy.check(answer, home, doors);
  });
});

interface Page {
  readonly next_cursor?: string;
  readonly [list: string]: unknown;
}

/** What ranks alike may be told in another order by other pages. */
function inOrder(items: readonly object[]): readonly string[] {
  return items.map((item) => JSON.stringify(item)).toSorted();
}

function waysOn(error: ToolError | undefined, { leadsTo = "entities", argument }: NameCase): readonly unknown[] {
  switch (leadsTo) {
    case "entities":
      return error?.suggestions ?? [];
    case "values": {
      const fault = error?.arguments?.find(({ field }) => field === argument);
      return fault?.nearest?.length ? fault.nearest : (fault?.allowed ?? []);
    }
    case "a sentence":
      return error === undefined ? [] : [error.reason];
  }
}
