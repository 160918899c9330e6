import { nearestNames } from "@funkygibbon/kernel/nearest-names";
import type { z } from "zod";
import type { ArgumentFault } from "../domain/tool-fault.ts";

const NEAREST = 3;

/** What a model sent, and to which tool. */
export interface SentArguments {
  readonly args: unknown;
  /** The names of the tool's arguments. */
  readonly known: readonly string[];
}

/** What zod found, in words from which a model can correct its call. */
export function argumentFaults(issues: readonly z.core.$ZodIssue[], sent: SentArguments): readonly ArgumentFault[] {
  return issues.flatMap((issue) => describeIssue(issue, sent));
}

function describeIssue(issue: z.core.$ZodIssue, { args, known }: SentArguments): readonly ArgumentFault[] {
  const field = pathText(issue.path);
  const sent = valueAt(args, issue.path);
  switch (issue.code) {
    case "invalid_value": {
      const allowed = issue.values.map(String);
      const problem = sent === undefined ? "is required" : `cannot be ${excerpt(sent)}`;
      return [{ field, problem, allowed, nearest: nearest(sent, allowed) }];
    }
    case "invalid_type":
      if (sent === undefined) return [{ field, problem: "is required" }];
      return [{ field, problem: `must be ${withArticle(issue.expected)}, not ${excerpt(sent)}` }];
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        field: key,
        problem: "is not an argument of this tool",
        allowed: known,
        nearest: nearest(key, known),
      }));
    case "too_small":
      return [{ field, problem: `must ${measure(issue.origin)} at least ${issue.minimum}` }];
    case "too_big":
      return [{ field, problem: `must ${measure(issue.origin)} at most ${issue.maximum}` }];
    default:
      return [{ field, problem: sent === undefined ? "is required" : issue.message }];
  }
}

function nearest(sent: unknown, allowed: readonly string[]): readonly string[] {
  if (typeof sent !== "string") return [];
  return nearestNames(sent, allowed, { nameOf: (value) => value, limit: NEAREST });
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "arguments";
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, part)
        ? Object.getOwnPropertyDescriptor(inner, part)?.value
        : undefined,
    value,
  );
}

function measure(origin: string): string {
  if (origin === "string") return "have a length of";
  return origin === "array" || origin === "set" ? "have a number of items of" : "be";
}

function withArticle(expected: string): string {
  if (expected === "int") return "a whole number";
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
