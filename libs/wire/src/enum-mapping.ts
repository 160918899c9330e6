import { must } from "@funkygibbon/kernel/must";

/** A wire enum and the string union that stands for it inside, both ways. */
export interface EnumMapping<Name extends string, Wire extends number> {
  /** The wire value of a name. */
  toWire(name: Name): Wire;
  /** The name of a wire value; undefined for UNSPECIFIED and for values of a newer peer. */
  fromWire(value: Wire): Name | undefined;
  /** As `fromWire`, for messages of our own services, which never leave it out. */
  mustFromWire(value: Wire): Name;
}

/** Builds the mapping from a table that the type system proves complete. */
export function enumMapping<Name extends string, Wire extends number>(
  table: Readonly<Record<Name, Wire>>,
): EnumMapping<Name, Wire> {
  const names = new Map<Wire, Name>();
  for (const name of Object.keys(table) as Name[]) names.set(table[name], name);
  return {
    toWire: (name) => table[name],
    fromWire: (value) => names.get(value),
    mustFromWire: (value) => must(names.get(value), `our own services send known enum values, got ${value}`),
  };
}
