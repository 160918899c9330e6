import { type McpServer, ResourceNotFoundError } from "@modelcontextprotocol/server";
import type { Calls } from "./calls.ts";
import type { Resources } from "./feature.ts";

/** Offers what can be read by address. */
export function offerResources({ server }: McpServer, calls: Calls, resources: Resources): void {
  server.registerCapabilities({ resources: { subscribe: true, listChanged: false } });
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: [...resources.templates] }));
  server.setRequestHandler("resources/list", ({ params }, sdk) =>
    calls.run("resources/list", sdk, (context) => resources.list(params?.cursor, context)),
  );
  server.setRequestHandler("resources/read", ({ params: { uri } }, sdk) =>
    calls.run("resources/read", sdk, async (context) => {
      const found = await resources.read(uri, context);
      if (found === undefined) throw new ResourceNotFoundError(uri);
      return found;
    }),
  );
}
