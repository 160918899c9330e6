import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import { must } from "@funkygibbon/kernel/must";
import { RELATIONSHIP_TYPES, type RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { usageError } from "./usage-error.ts";

/** What was typed, as a command reads it. */
export class Input {
  readonly #arguments: readonly (string | readonly string[] | undefined)[];
  readonly #options: Readonly<Record<string, unknown>>;

  /** @param options by their name in camel case, as commander gives them. */
  constructor(args: readonly (string | readonly string[] | undefined)[], options: Readonly<Record<string, unknown>>) {
    this.#arguments = args;
    this.#options = options;
  }

  /** The argument at this place, which the command demands. */
  argument(place: number): string {
    return must(this.optionalArgument(place), `commander demands argument ${place}`);
  }

  /** The argument at this place. */
  optionalArgument(place: number): string | undefined {
    const value = this.#arguments[place];
    return typeof value === "string" ? value : undefined;
  }

  /** The last argument, of which there may be several. */
  rest(place: number): readonly string[] {
    const value = this.#arguments[place];
    return Array.isArray(value) ? value : [];
  }

  /** Whether an option without a value was given. */
  flag(name: string): boolean {
    return this.#option(name) === true;
  }

  /** The value of an option. */
  text(name: string): string | undefined {
    const value = this.#option(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The values of an option that may be given several times. */
  texts(name: string): readonly string[] {
    const value = this.#option(name);
    return Array.isArray(value) ? value : [];
  }

  /** A whole number from 1. @throws DomainError (usage). */
  count(name: string, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    if (!/^[1-9]\d{0,6}$/.test(text)) throw usageError(`--${name} takes a whole number from 1, not ${text}`);
    return Number(text);
  }

  #option(name: string): unknown {
    return this.#options[name.replaceAll(/-(\w)/g, (_match, letter: string) => letter.toUpperCase())];
  }
}

/** @throws DomainError (usage) listing the types. */
export function parseEntityType(text: string): EntityType {
  return oneOf(ENTITY_TYPES, text, "type of entity");
}

/** @throws DomainError (usage) listing the types. */
export function parseRelationshipType(text: string): RelationshipType {
  return oneOf(RELATIONSHIP_TYPES, text, "type of relationship");
}

function oneOf<T extends string>(all: readonly T[], text: string, what: string): T {
  const wanted = text.toLowerCase().replaceAll("-", "_");
  const found = all.find((one) => one === wanted);
  if (found === undefined) throw usageError(`${text} is no ${what}: ${all.join(", ")}`);
  return found;
}
