import { measureCalls, openMcpHome } from "./mcp-home.ts";
import type { Measurement } from "./measurement.ts";

/**
 * `update_entity` of a device, by the official client of revision 2026-07-28, one call after the other. Baseline: the two
 * calls of entity-store that it makes, the read and the write.
 */
export async function run(): Promise<Measurement[]> {
  await using home = await openMcpHome();
  const { assistant, entities, as } = home;
  let level = 0;
  return [
    await measureCalls({
      name: "mcp-write",
      bars: { p50: 10, p99: 40 },
      async call() {
        const args = { entity_id: home.device(), content: { level: level++ } };
        const result = await assistant.callTool({ name: "update_entity", arguments: args });
        if (result.isError === true) throw new Error(JSON.stringify(result.content));
      },
      async bare() {
        const id = home.device();
        await entities.getEntity({ id }, as);
        const bodyJson = JSON.stringify({ level: level++ });
        await entities.updateEntity({ id, etag: "*", bodyJson, updateMask: { paths: ["level"] } }, as);
      },
    }),
  ];
}
