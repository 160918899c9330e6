import type { EntityRef } from "./graph.ts";

/** One argument that is wrong, and what would be right. */
export interface ArgumentFault {
  /** As the model wrote it, for example `types[1]`. */
  readonly field: string;
  /** What is wrong, as the end of a sentence that starts with the field. */
  readonly problem: string;
  /** Every value that would do, where they can be counted. */
  readonly allowed?: readonly string[];
  /** The allowed values that come closest to what was sent, best first. */
  readonly nearest?: readonly string[];
}

/** What a {@link ToolFault} carries besides its sentence. */
export interface ToolFaultOptions {
  /** Stable cause in UPPER_SNAKE_CASE. */
  readonly reason: string;
  readonly arguments?: readonly ArgumentFault[];
  /** Entities that were perhaps meant, best first. */
  readonly suggestions?: readonly EntityRef[];
  /** What to do next, as a sentence. */
  readonly hint?: string;
}

/** A call that cannot be carried out as it was asked, said so that the model can ask again and be right. */
export class ToolFault extends Error {
  override readonly name = "ToolFault";
  readonly reason: string;
  readonly arguments: readonly ArgumentFault[];
  readonly suggestions: readonly EntityRef[];
  readonly hint: string | undefined;

  constructor(message: string, options: ToolFaultOptions) {
    super(message);
    this.reason = options.reason;
    this.arguments = options.arguments ?? [];
    this.suggestions = options.suggestions ?? [];
    this.hint = options.hint;
  }
}

/** Arguments that do not fit together or break a rule of the tool. */
export function invalidArguments(faults: readonly ArgumentFault[]): ToolFault {
  return new ToolFault("The arguments are not right.", { reason: "INVALID_ARGUMENTS", arguments: faults });
}
