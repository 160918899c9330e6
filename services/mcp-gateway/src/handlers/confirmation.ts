import { createHash } from "node:crypto";
import {
  type CallToolResult,
  type ClientCapabilities,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  isInputRequiredResult,
} from "@modelcontextprotocol/server";
import { ToolFault } from "../domain/tool-fault.ts";
import type { CallContext } from "./feature.ts";
import type { Tool } from "./tool.ts";

/** The answer's name in the protocol. */
const CONFIRM = "confirm";

/** What a question remembers: which call it is about. */
interface AskedCall {
  readonly digest: string;
}

/** Whether a client can show its user a question. */
export function canConfirm(capabilities: ClientCapabilities | undefined): boolean {
  const elicitation = capabilities?.elicitation;
  // A bare `elicitation: {}` is from before there were modes, and means forms.
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

/**
 * Calls a tool; one that is destructive only after the user has said yes to what its `dry_run` says, where the client can
 * ask. What was accepted is this very call: other arguments are another question.
 * @throws ToolFault, DomainError.
 */
export async function callWithConsent(
  tool: Tool,
  args: unknown,
  context: CallContext,
  { canAsk }: { readonly canAsk: boolean },
): Promise<CallToolResult | InputRequiredResult> {
  if (!tool.destructive || !canAsk || isDryRun(args)) return tool.call(args, context);
  const digest = digestOf(tool, args);
  const asked = context.request.requestState<AskedCall>()?.digest === digest;
  const answer = asked ? inputResponse(context.request.inputResponses, CONFIRM) : undefined;
  if (answer?.kind === "elicit") {
    if (answer.action === "accept") return tool.call(args, context);
    throw new ToolFault(`The user did not agree to ${tool.name}; nothing was changed.`, {
      reason: "NOT_CONFIRMED",
      hint: "Do not try it again unless the user asks for it.",
    });
  }
  const rehearsal = await tool.call({ ...(args as object), dry_run: true }, context);
  if (isInputRequiredResult(rehearsal)) return rehearsal;
  return inputRequired({
    inputRequests: {
      [CONFIRM]: inputRequired.elicit({
        message: `${textOf(rehearsal)}\nShall the assistant do that?`,
        // Accepting and declining say it all.
        requestedSchema: { type: "object", properties: {} },
      }),
    },
    requestState: await context.seal({ digest } satisfies AskedCall),
  });
}

function isDryRun(args: unknown): boolean {
  return typeof args === "object" && args !== null && "dry_run" in args && args.dry_run === true;
}

function textOf(result: CallToolResult): string {
  return result.content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

function digestOf(tool: Tool, args: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([tool.name, args ?? {}]))
    .digest("base64url");
}
