import { runService } from "@funkygibbon/runtime/run-service";
import { configureMcpGateway } from "./config.ts";
import { startMcpGateway } from "./service.ts";

await runService({ name: "mcp-gateway", configure: configureMcpGateway, start: startMcpGateway });
