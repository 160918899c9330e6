import type {
  GetPromptResult,
  InputRequiredResult,
  Prompt as ListedPrompt,
  ResourceTemplateType as ListedTemplate,
  ListResourcesResult,
  ReadResourceResult,
  ServerContext,
} from "@modelcontextprotocol/server";
import type { Ports } from "../domain/ports.ts";
import type { ToolCall } from "../domain/tool-call.ts";

/** What tools, resources and prompts work with. */
export interface CallContext extends Ports {
  readonly call: ToolCall;
  /** The request as the SDK has it: its progress token, the answers that the user has given. */
  readonly request: ServerContext["mcpReq"];
  /**
   * Signs what a question has to remember until it is answered. It travels through the client and comes back as
   * `request.requestState()`, from this user and within ten minutes, or the request is refused.
   */
  seal(remembered: object): Promise<string>;
}

/** A word that is being typed: the argument that it is for, and what is there of it. */
export interface Completing {
  readonly argument: string;
  readonly value: string;
}

/** What can be read by address. Every method throws ToolFaults and DomainErrors. */
export interface Resources {
  /** The forms of addresses, as resources/templates/list shows them. */
  readonly templates: readonly ListedTemplate[];
  /** One page; without a cursor the first one. */
  list(cursor: string | undefined, context: CallContext): Promise<ListResourcesResult>;
  /** Undefined when nothing is there. */
  read(uri: string, context: CallContext): Promise<ReadResourceResult | undefined>;
  /** Values for a variable of a template, best first. */
  complete(template: string, completing: Completing, context: CallContext): Promise<readonly string[]>;
}

/** A conversation that a person can start from a menu. */
export interface Prompt {
  /** As prompts/list shows it. */
  readonly listed: ListedPrompt;
  /** @throws ToolFault, DomainError. */
  get(args: Readonly<Record<string, string>>, context: CallContext): Promise<GetPromptResult | InputRequiredResult>;
  /** Values for an argument, best first. @throws ToolFault, DomainError. */
  complete(completing: Completing, context: CallContext): Promise<readonly string[]>;
}
