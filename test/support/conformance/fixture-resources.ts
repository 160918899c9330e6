import type { Resources } from "@funkygibbon/mcp-gateway/handlers/feature";
import type { ReadResourceResult } from "@modelcontextprotocol/server";
import { PNG } from "./fixture-tools.ts";

const TEMPLATE = "test://template/{id}/data";
const LISTED = [
  { uri: "test://static-text", mimeType: "text/plain" },
  { uri: "test://static-binary", mimeType: "image/png" },
  { uri: "test://watched-resource", mimeType: "text/plain" },
].map((resource) => ({ ...resource, name: resource.uri, description: "A fixture of the conformance suite" }));

/** What the conformance suite reads, beside what a home offers. */
export function withFixtureResources(home: Resources): Resources {
  return {
    templates: [...home.templates, { uriTemplate: TEMPLATE, name: "test-template", mimeType: "application/json" }],
    async list(cursor, context) {
      const page = await home.list(cursor, context);
      return cursor === undefined ? { ...page, resources: [...LISTED, ...page.resources] } : page;
    },
    read: async (uri, context) => readFixture(uri) ?? home.read(uri, context),
    complete: async (template, completing, context) =>
      template === TEMPLATE ? ["1", "2"] : home.complete(template, completing, context),
  };
}

function readFixture(uri: string): ReadResourceResult | undefined {
  if (uri === "test://static-binary") return { contents: [{ uri, mimeType: "image/png", blob: PNG }] };
  if (uri === "test://static-text") {
    return { contents: [{ uri, mimeType: "text/plain", text: "This is the content of the static text resource." }] };
  }
  if (uri === "test://watched-resource") return { contents: [{ uri, mimeType: "text/plain", text: "watched" }] };
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  if (id === undefined) return undefined;
  const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: "application/json", text }] };
}
