import { homeTools } from "@funkygibbon/mcp-gateway/handlers/tools/catalog";
import type { SessionCall, SessionStep } from "../../examples/demo/assistant-session.ts";

/** A page with what stands between `<!-- name -->` and `<!-- /name -->` replaced. @throws when the marks are not there. */
export function withSection(page: string, name: string, text: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(open), page.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`the page has no section ${name}`);
  return `${page.slice(0, from + open.length)}\n${text}\n${page.slice(to)}`;
}

/** Every tool in a table, as models are told of it. */
export function toolTable(): string {
  const rows = homeTools.map(({ name, access, destructive, listed }) => {
    const kind = access === "read" ? "reads" : destructive ? "takes away" : "writes";
    return `| \`${name}\` | ${kind} | ${listed.description} |`;
  });
  return ["| tool | | what models are told |", "|---|---|---|", ...rows].join("\n");
}

/** A session as a page tells it: what changes from one run to the next is named by what it is. */
export function sessionText(steps: readonly SessionStep[]): string {
  // The first name counts: by that the thing was known when it was asked about.
  const labels = new Map(
    steps
      .flatMap(({ calls }) => calls)
      .flatMap(labelsOf)
      .toReversed(),
  );
  return steps
    .map(({ question, calls, reply }) => {
      const lines = calls.map(({ tool, args }) => `${tool} ${namedByLabels(JSON.stringify(args), labels)}`);
      return [`**${question}**`, "```text", ...lines, "```", reply].join("\n");
    })
    .join("\n\n");
}

/** The ids in an answer: of things, by their names, and of the call itself. */
function labelsOf({ tool, answer }: SessionCall): [id: string, label: string][] {
  const things = namedThings(answer).map(({ id, name }): [string, string] => [id, `the id of ${name}`]);
  const { call_id: callId } = answer;
  return typeof callId === "string" ? [...things, [callId, `the call_id of that ${tool}`]] : things;
}

function namedThings(value: unknown): { readonly id: string; readonly name: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap(namedThings);
  const { id, name } = value as { readonly id?: unknown; readonly name?: unknown };
  return typeof id === "string" && typeof name === "string" ? [{ id, name }, ...inner] : inner;
}

function namedByLabels(text: string, labels: ReadonlyMap<string, string>): string {
  const named = [...labels].reduce((sofar, [id, label]) => sofar.replaceAll(`"${id}"`, `<${label}>`), text);
  return named.replaceAll(/"\d{4}-\d\d-\d\dT[^"]*"/g, "<when we began>");
}
