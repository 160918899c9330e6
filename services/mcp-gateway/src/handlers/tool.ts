import type {
  CallToolResult,
  InputRequiredResult,
  Tool as ListedTool,
  StandardSchemaWithJSON,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { permissionFor, type ToolAccess } from "../domain/permission.ts";
import { ToolFault } from "../domain/tool-fault.ts";
import { argumentFaults } from "./argument-faults.ts";
import type { CallContext } from "./feature.ts";

/** What a tool answers: the same facts as text for the model and as data for programs. */
export interface Answer<Data> {
  readonly text: string;
  readonly data: Data;
}

/** A tool as its author writes it. */
export interface ToolDefinition<Input extends z.ZodType, Output extends z.ZodType> {
  readonly name: string;
  readonly title: string;
  /** For the model: what it does, when to use it, what comes back. Every word costs tokens in every conversation. */
  readonly description: string;
  readonly access: ToolAccess;
  /** The same call again changes nothing more. Reads always are. */
  readonly idempotent: boolean;
  /** It takes something away that was there: the person is asked first, shown what `dry_run` answers. */
  readonly destructive: boolean;
  readonly input: Input;
  readonly output: Output;
  /** @throws ToolFault, DomainError. */
  run(input: z.output<Input>, context: CallContext): Promise<Answer<z.input<Output>>>;
}

/** A tool as the server offers it. */
export interface Tool {
  readonly name: string;
  readonly access: ToolAccess;
  /** The person is asked before it runs; its arguments have a `dry_run`. */
  readonly destructive: boolean;
  /** As tools/list shows it; made once. */
  readonly listed: ListedTool;
  readonly inputSchema: StandardSchemaWithJSON;
  readonly outputSchema: StandardSchemaWithJSON | undefined;
  /** Checks permission and arguments, then runs. @throws ToolFault, DomainError. */
  call(args: unknown, context: CallContext): Promise<CallToolResult | InputRequiredResult>;
}

/** Turns a definition into a tool: converts its schemas once, checks arguments before they reach it. */
export function defineTool<Input extends z.ZodType, Output extends z.ZodType>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const inputJson = jsonSchemaOf(definition.input, "input");
  const outputJson = jsonSchemaOf(definition.output, "output");
  const known = Object.keys(inputJson.properties ?? {});
  return {
    name: definition.name,
    access: definition.access,
    destructive: definition.destructive,
    listed: {
      name: definition.name,
      title: definition.title,
      description: definition.description,
      inputSchema: inputJson,
      outputSchema: outputJson,
      annotations: annotationsOf(definition),
    },
    inputSchema: advertised(inputJson),
    outputSchema: advertised(outputJson),
    async call(args, context) {
      if (permissionFor(definition.access, context.call.identity) !== "allowed") throw readOnlyCaller(definition.name);
      const parsed = definition.input.safeParse(args ?? {});
      if (!parsed.success) {
        throw new ToolFault("The arguments are not right.", {
          reason: "INVALID_ARGUMENTS",
          arguments: argumentFaults(parsed.error.issues, { args, known }),
        });
      }
      const { text, data } = await definition.run(parsed.data, context);
      return { content: [{ type: "text", text }], structuredContent: data as Record<string, unknown> };
    },
  };
}

/** The hints about changes mean something for tools that change something only. */
function annotationsOf(
  definition: Pick<ToolDefinition<z.ZodType, z.ZodType>, "access" | "destructive" | "idempotent">,
) {
  if (definition.access === "read") return { readOnlyHint: true, openWorldHint: false };
  const { destructive: destructiveHint, idempotent: idempotentHint } = definition;
  return { readOnlyHint: false, destructiveHint, idempotentHint, openWorldHint: false };
}

function readOnlyCaller(tool: string): ToolFault {
  return new ToolFault(`${tool} changes the home, and this user may only look (role guest or a read-only grant).`, {
    reason: "READ_ONLY",
    hint: "Tell the user; an owner or member of the household can do it.",
  });
}

type JsonSchema = ListedTool["inputSchema"];

/**
 * What a model needs to know, and no more: no dialect (2020-12 is MCP's default), no lengths (a wrong one is answered in
 * words), no closed answers.
 */
function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
    io,
    unrepresentable: "any",
    override: ({ jsonSchema, path }) => {
      for (const keyword of ["minLength", "maxLength", "maxItems", "propertyNames"] as const)
        delete jsonSchema[keyword];
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (io === "output") delete jsonSchema.additionalProperties;
      // What a part of an answer lacks is plain to see.
      if (io === "output" && path.length > 0) delete jsonSchema.required;
    },
  });
  return { ...json, type: "object" } as JsonSchema;
}

/**
 * The schema as the SDK shows it, without its validation: {@link Tool.call} does that, with answers from which a model
 * can correct itself, and the SDK would convert the schema anew for every request.
 */
function advertised(json: JsonSchema): StandardSchemaWithJSON {
  return {
    "~standard": {
      version: 1,
      vendor: "funkygibbon",
      validate: (value) => ({ value }),
      jsonSchema: { input: () => json, output: () => json },
    },
  };
}
