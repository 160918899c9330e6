import { type Micros, systemClock } from "@funkygibbon/kernel/clock";
import { invalid, notFound } from "@funkygibbon/kernel/errors";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { removeOldBodies, retainedHouseholds } from "../adapters/remove-old-bodies.ts";
import { type Command, requiredOption, textOption } from "./command.ts";

const HOUR_US = 3_600_000_000;
const UNITS: Readonly<Record<string, Micros>> = { h: HOUR_US, d: 24 * HOUR_US };

/** `entity-store retention`. */
export const retentionCommand: Command = {
  summary: "removes the bodies of versions that were replaced long ago",
  details:
    "Everything is kept unless this is run. Removed are bodies of versions that were replaced, or lost, before that time;\n" +
    "reads as of a later time stay whole, reads as of an earlier one say body_removed. Never removed: rows, lineage,\n" +
    "stamps, heads, versions of open conflicts. The login must see every row: a superuser, or one with BYPASSRLS.",
  options: {
    "older-than": { value: "AGE", summary: "for example 90d or 36h", required: true },
    household: { value: "ID", summary: "only this one; default all" },
    "dry-run": { summary: "say what would be removed, and remove nothing" },
  },
  async run(context) {
    const { databaseUrl: url, log } = context;
    const beforeUs = systemClock.now() - parseAge(requiredOption(context, "older-than"));
    const named = textOption(context, "household");
    const wanted = named === undefined ? undefined : parseHouseholdId(named, "--household");
    const households = await retainedHouseholds(url, wanted);
    if (wanted !== undefined && households.length === 0) throw notFound("household", wanted);
    const dryRun = context.options["dry-run"] === true;
    const total = { versions: 0, bytes: 0 };
    for (const household of households) {
      const { versions, bytes } = await removeOldBodies({
        url,
        household,
        beforeUs,
        mode: dryRun ? "count" : "remove",
      });
      total.versions += versions;
      total.bytes += bytes;
      if (versions > 0) log.info({ household, versions, bytes, dryRun }, "history.trimmed");
    }
    log.info({ households: households.length, ...total, dryRun }, "retention.done");
  },
};

/** `90d`, `36h`. @throws DomainError `invalid` naming the option. */
function parseAge(text: string): Micros {
  const [, count = "", unit = ""] = /^([1-9]\d{0,4})([dh])$/.exec(text) ?? [];
  const unitUs = UNITS[unit];
  if (unitUs === undefined) {
    throw invalid([{ field: "--older-than", description: "must be days or hours, for example 90d or 36h" }]);
  }
  return Number(count) * unitUs;
}
