import type { ToolAnswer, ToolArguments } from "../../support/assistant.ts";
import type { PublicClients } from "../../support/constellation-callers.ts";
import type { FurnishedHome } from "./furnished-home.ts";

/** What is asked of every tool. A tool without a row fails the matrix. */
export interface ToolRow {
  readonly tool: string;
  /** The ordinary call. `check` holds the answer against what the services say over gRPC. */
  readonly happy: {
    readonly args: (home: FurnishedHome) => ToolArguments;
    // biome-ignore lint/suspicious/noExplicitAny: answers are as various as the tools; the client has checked their schema.
    readonly check: (answer: ToolAnswer<any>, home: FurnishedHome, doors: Doors) => Promise<void>;
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

/** An argument that names something. */
export interface NameCase {
  readonly argument: string;
  /** The ordinary call with another id, or name, in this argument. */
  readonly args: (home: FurnishedHome, id: string) => ToolArguments;
  /** What the argument could name in a home; asked of another household it is not there. */
  readonly right: (home: FurnishedHome) => string;
  /** Of a thing of a kind that cannot be meant; or why anything can. */
  readonly wrong: ((home: FurnishedHome) => string) | string;
  /** Where an unknown one leads on: to entities, to values of the argument, or by a sentence. */
  readonly leadsTo: "entities" | "values" | "a sentence";
}

/** The services behind the gateway, asked by the owner. */
export interface Doors {
  readonly clients: PublicClients;
  readonly as: { readonly token: string };
}
