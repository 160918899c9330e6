import { must } from "@funkygibbon/kernel/must";
import { describe, expect, it } from "vitest";
import { villaForTests } from "../../testing/villa.ts";
import { homeTools } from "./catalog.ts";

// Whatever is wrong with an argument, the answer names it and says what would do.

const villa = villaForTests();

/** What tools/list says of an argument. */
interface ArgumentSchema {
  readonly type: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: ArgumentSchema;
}

interface Fault {
  readonly field: string;
  readonly problem: string;
  readonly allowed?: readonly string[];
  readonly nearest?: readonly string[];
}

const all = homeTools.flatMap(({ name: tool, listed }) =>
  Object.entries(listed.inputSchema.properties ?? {}).map(([argument, schema]) => ({
    tool,
    argument,
    // What zod made of our own schemas.
    schema: schema as unknown as ArgumentSchema,
  })),
);

async function faultOf(tool: string, args: Record<string, unknown>, field: string): Promise<Fault> {
  const { error, text } = await villa.call(tool, args);
  expect(error?.reason).toBe("INVALID_ARGUMENTS");
  const faults = error?.arguments as readonly Fault[];
  const fault = must(
    faults.find((each) => each.field === field),
    `the answer names ${field}`,
  );
  expect(text).toContain(`${field} ${fault.problem}`);
  return fault;
}

describe("an argument", () => {
  it.each(all)("$argument of $tool is named when it is of the wrong type", async ({ tool, argument, schema }) => {
    const wrong = schema.type === "string" ? 7 : "seven";
    const { problem } = await faultOf(tool, { [argument]: wrong }, argument);
    expect(problem).toMatch(/^must be |^cannot be /);
  });

  const words = all.flatMap(({ schema, ...each }) => {
    const values = schema.enum ?? schema.items?.enum;
    return values === undefined ? [] : [{ ...each, values, inList: schema.enum === undefined }];
  });
  it.each(words)("$argument of $tool is answered with the words that would do, the nearest first", async (word) => {
    const right = must(word.values[0], "an enum has a value");
    const nearly = `${right}x`;
    const [sent, field] = word.inList ? [[nearly], `${word.argument}[0]`] : [nearly, word.argument];
    const { allowed, nearest } = await faultOf(word.tool, { [word.argument]: sent }, field);
    expect(allowed).toEqual(word.values);
    expect(nearest?.[0]).toBe(right);
  });

  const counts = all.filter(({ schema }) => schema.type === "integer");
  it.each(counts)("$argument of $tool is answered with its limits", async ({ tool, argument, schema }) => {
    const { minimum = 0, maximum = 0 } = schema;
    const above = await faultOf(tool, { [argument]: maximum + 1 }, argument);
    expect(above.problem).toBe(`must be at most ${maximum}`);
    const below = await faultOf(tool, { [argument]: minimum - 1 }, argument);
    expect(below.problem).toBe(`must be at least ${minimum}`);
  });
});

it.each(homeTools)("$name answers an argument that it does not have with the nearest that it has", async (tool) => {
  const known = Object.keys(tool.listed.inputSchema.properties ?? {});
  const right = must(known[0], "a tool has arguments");
  const { allowed, nearest } = await faultOf(tool.name, { [`${right}s`]: 1 }, `${right}s`);
  expect(allowed).toEqual(known);
  expect(nearest?.[0]).toBe(right);
});
