import { runService } from "@funkygibbon/runtime/run-service";
import { configureMcpGateway } from "./config.ts";
import { GATEWAY_VERSION, startMcpGateway } from "./service.ts";

await runService({
  name: "mcp-gateway",
  version: GATEWAY_VERSION,
  configure: configureMcpGateway,
  start: startMcpGateway,
});
