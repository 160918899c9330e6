import { expect, test } from "vitest";
import { createTestDatabase } from "../../../test/support/test-database.ts";
import { schemaText } from "../test/schema-text.ts";

test("schema.sql is the schema that the migrations make (after a change: npm test -- this file -u)", async () => {
  await using database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  const text = await schemaText((statement) => database.sql(statement));
  expect(await schemaText((statement) => database.sql(statement))).toBe(text);
  await expect(text).toMatchFileSnapshot("../schema.sql");
});
