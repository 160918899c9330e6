/** Lets a desktop assistant speak to the home over stdin and stdout: `npm run -s mcp`. Only the protocol goes to stdout. */
import { runBridge, StdioTransport } from "./mcp-bridge.ts";
import { readMcpSettings } from "./mcp-settings.ts";
import { messageOf } from "./setup-error.ts";

const HELP = `Usage: npm run -s mcp

Speaks MCP over stdin and stdout for a desktop assistant, and passes every message on to a running system's mcp-gateway.
Takes everything from the environment:

  FUNKYGIBBON_MCP_URL      the gateway's address, for example http://127.0.0.1:4404/mcp
  FUNKYGIBBON_TOKEN        a token of the person whom the assistant acts for
  FUNKYGIBBON_TOKEN_FILE   a file with it instead, read again for every request, so that it may be renewed
  FUNKYGIBBON_ENDPOINTS    the endpoints.json of a local system (npm start), in place of address and token: what it lacks
                           of both is taken from there, the token being the member's

It ends when stdin ends and what was asked is answered, or on SIGINT or SIGTERM. What goes wrong is told on stderr.
`;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

if (process.argv.includes("--help") || process.argv.includes("-h")) process.stdout.write(HELP);
else process.exitCode = await main();

async function main(): Promise<number> {
  const warn = (problem: string) => void process.stderr.write(`${problem}\n`);
  try {
    const settings = readMcpSettings(process.env);
    const end = await runBridge({ ...settings, assistant: new StdioTransport(), signal: stop.signal, warn });
    if (end.kind === "done") return 0;
    warn(end.problem);
  } catch (error) {
    warn(messageOf(error));
  }
  return 1;
}
