import type { JsonValue } from "@funkygibbon/kernel/json";
import type { Entity, EntityRef } from "../../domain/graph.ts";
import { nameText } from "../../domain/name-text.ts";
import { link } from "./home-page.ts";

/** A manual as a page: what it is about, its short properties, then its texts. */
export function manualPage(manual: Entity, about: readonly EntityRef[]): string {
  const properties = Object.entries(manual.content).filter(([key]) => key !== "name");
  const texts = properties.filter(([, value]) => isText(value));
  const facts = properties.filter(([, value]) => !isText(value));
  return [
    `# ${nameText(manual.name)}`,
    ...(about.length === 0 ? [] : [`About ${about.map(link).join(", ")}`]),
    ...(facts.length === 0 ? [] : [facts.map(([key, value]) => `- ${key}: ${brief(value)}`).join("\n")]),
    ...texts.map(([key, text]) => `## ${key}\n${String(text)}`),
  ].join("\n\n");
}

/** A text of its own, and no word beside others. */
function isText(value: JsonValue): boolean {
  return typeof value === "string" && (value.length > 120 || value.includes("\n"));
}

function brief(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
