import type { ToolAnswer, ToolArguments } from "../../support/assistant.ts";
import type { PublicClients } from "../../support/constellation-callers.ts";
import type { FurnishedHome } from "./furnished-home.ts";

/** What is asked of every tool. A tool without a row fails the matrix. */
export interface ToolRow {
  readonly tool: string;
  /** The ordinary call. `check` holds the answer against what the services say over gRPC. */
  readonly happy: {
    readonly args: (home: FurnishedHome) => ToolArguments;
    readonly check: (answer: ToolAnswer<Told>, home: FurnishedHome, doors: Doors) => Promise<void>;
  };
  /** A call to which the answer is that there is nothing; or why there always is something. */
  readonly empty: EmptyCall | string;
  /** Every argument that names something; or why there is none. */
  readonly names: readonly NameCase[] | string;
  /** A question whose answer is longer than one item; or why it has no pages. */
  readonly pages: PagedQuestion | string;
  /** A call that asks for more, or brings more, than the tool takes. */
  readonly overLimit: { readonly args: (home: FurnishedHome) => ToolArguments; readonly field: string };
}

/** A call to which the answer is that there is nothing. */
export interface EmptyCall {
  readonly args: (home: FurnishedHome) => ToolArguments;
  /** The structured answer, as far as it matters. */
  readonly data: object;
}

/** A question whose answer comes in pages. */
export interface PagedQuestion {
  readonly args: (home: FurnishedHome) => ToolArguments;
  /** The argument that says how many items are wanted, and the most that it may say. */
  readonly limit: readonly [argument: string, most: number];
  /** The list in the structured answer. */
  readonly list: string;
}

/** Something of a furnished home that has an id. */
export type Thing =
  | { [Key in keyof FurnishedHome]: FurnishedHome[Key] extends string ? Key : never }[keyof FurnishedHome]
  | keyof FurnishedHome["edges"];

/** Its id. */
export function idOf(home: FurnishedHome, thing: Thing): string {
  return { ...home, ...home.edges }[thing];
}

/** An argument that names something. */
export interface NameCase {
  readonly argument: string;
  /** What the argument could name in a home; asked of another household it is not there. */
  readonly right: Thing;
  /** A thing of a kind that cannot be meant; or why anything can. */
  readonly wrong: Thing | { readonly never: string };
  /** The other arguments of the call. */
  readonly beside?: (home: FurnishedHome) => ToolArguments;
  /** Where an unknown one leads on; default: to entities. */
  readonly leadsTo?: "entities" | "values" | "a sentence";
}

/** A structured answer; the client has checked it against its schema. */
export interface Told {
  readonly call_id: string;
  readonly [property: string]: unknown;
}

/** What lists and results of answers are made of, each with some of these. */
export interface Item {
  readonly id: string;
  readonly etag: string;
  readonly version: string;
  readonly relation: string;
  readonly entity: { readonly id: string };
}

export function itemIn(result: unknown): Item {
  return result as Item;
}

export function itemsIn(list: unknown): readonly Item[] {
  return list as readonly Item[];
}

/** The services behind the gateway, asked by the owner. */
export interface Doors {
  readonly clients: PublicClients;
  readonly as: { readonly token: string };
}
