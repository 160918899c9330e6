import { readFileSync } from "node:fs";
import { messageOf, SetupError } from "./setup-error.ts";

/** Where the gateway is, and as whom to speak to it. */
export interface McpSettings {
  readonly url: URL;
  /** The token as it is now: files are read again each time, so that a renewed one is taken. @throws SetupError */
  token(): string;
}

/** Reads the environment of `npm run mcp`. @throws SetupError with one sentence for the person. */
export function readMcpSettings(environment: NodeJS.ProcessEnv): McpSettings {
  const { FUNKYGIBBON_MCP_URL: url, FUNKYGIBBON_ENDPOINTS: endpointsFile } = environment;
  if (!url && !endpointsFile) {
    throw new SetupError("Where is the home? Set FUNKYGIBBON_MCP_URL or FUNKYGIBBON_ENDPOINTS; --help says more.");
  }
  const settings = {
    url: mcpUrl(url || `${textIn(readJson(endpointsFile ?? ""), "mcpGateway", endpointsFile)}/mcp`),
    token: () => readToken(environment),
  };
  settings.token();
  return settings;
}

function mcpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new SetupError(`FUNKYGIBBON_MCP_URL must be an address such as http://127.0.0.1:4404/mcp, not ${text}.`);
}

function readToken(environment: NodeJS.ProcessEnv): string {
  const { FUNKYGIBBON_TOKEN: given, FUNKYGIBBON_TOKEN_FILE: file, FUNKYGIBBON_ENDPOINTS: endpointsFile } = environment;
  if (given) return given;
  if (file) return readText(file).trim();
  if (endpointsFile) return textIn(fieldOf(readJson(endpointsFile), "tokens"), "member", endpointsFile);
  throw new SetupError("There is no token: set FUNKYGIBBON_TOKEN or FUNKYGIBBON_TOKEN_FILE; --help says more.");
}

function textIn(value: unknown, field: string, file = ""): string {
  const text = fieldOf(value, field);
  if (typeof text === "string") return text;
  throw new SetupError(`${file} is no endpoints.json of a running system: it has no ${field}.`);
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined;
}

function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch {
    throw new SetupError(`${file} is not JSON.`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new SetupError(`${file} cannot be read (${messageOf(error)}): is the system running?`);
  }
}
