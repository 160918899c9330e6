import type { JsonPlace } from "../json-place.ts";

/** What an automation speaks of, by Home Assistant's own ids. */
export interface AutomationTargets {
  readonly devices: ReadonlySet<string>;
  readonly entityIds: ReadonlySet<string>;
  readonly areas: ReadonlySet<string>;
}

/** Everything that a list of triggers or actions names, however deeply. */
export function targetsIn(places: readonly JsonPlace[]): AutomationTargets {
  const found = { devices: new Set<string>(), entityIds: new Set<string>(), areas: new Set<string>() };
  const setOf: Readonly<Record<string, Set<string>>> = {
    device_id: found.devices,
    entity_id: found.entityIds,
    area_id: found.areas,
  };
  const walk = (value: unknown, into: Set<string> | undefined): void => {
    // Home Assistant takes several in one text, too.
    if (typeof value === "string") for (const one of value.split(",")) into?.add(one.trim());
    else if (Array.isArray(value)) for (const item of value) walk(item, into);
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(item, Object.hasOwn(setOf, key) ? setOf[key] : undefined);
    }
  };
  for (const { value } of places) walk(value, undefined);
  return found;
}

/** What stands under the present name of a key, or under the one it had before Home Assistant 2024.10. */
export function listAt(automation: JsonPlace, plural: string, singular: string): readonly JsonPlace[] {
  const place = automation.at(plural).isAbsent ? automation.at(singular) : automation.at(plural);
  if (place.isAbsent) return [];
  return Array.isArray(place.value) ? place.list() : [place];
}
