import { isUuid } from "@funkygibbon/kernel/ids";
import type { EntityRef } from "../../domain/graph.ts";
import type { TouchedIds } from "../../domain/graph-changes.ts";

/** The summary of the home. */
export const HOME_ADDRESS = "funkygibbon://home";

/** What can be read by id, and under which word. */
export const ADDRESS_KINDS = ["entity", "room", "manual"] as const;
export type AddressKind = (typeof ADDRESS_KINDS)[number];

/** The form of the addresses of a kind (RFC 6570). */
export function addressTemplate(kind: AddressKind): string {
  return `funkygibbon://${kind}/{id}`;
}

/** The address of what has this id. */
export function addressOf(kind: AddressKind, id: string): string {
  return `funkygibbon://${kind}/${id}`;
}

/** Where an entity is listed: rooms and manuals read best under their own kind. */
export function bestAddressOf({ type, id }: Pick<EntityRef, "type" | "id">): string {
  return addressOf(type === "room" || type === "manual" ? type : "entity", id);
}

/** What an address names. */
export type Address = { readonly kind: "home" } | { readonly kind: AddressKind; readonly id: string };

/** Takes an address apart; undefined when it is none of ours. */
export function parseAddress(uri: string): Address | undefined {
  if (uri === HOME_ADDRESS) return { kind: "home" };
  const [, word, id = ""] = /^funkygibbon:\/\/([a-z]+)\/([^/?#]+)$/.exec(uri) ?? [];
  const kind = ADDRESS_KINDS.find((known) => known === word);
  return kind === undefined || !isUuid(id) ? undefined : { kind, id: id.toLowerCase() };
}

/**
 * Whether a commit that touched these entities may have changed what is read at an address. A room and the home show what
 * is in them, at any depth, so they may change with any entity.
 */
export function mayHaveChanged(uri: string, touched: TouchedIds): boolean {
  const address = parseAddress(uri);
  if (address === undefined) return false;
  if (touched === undefined || address.kind === "home" || address.kind === "room") return true;
  return touched.has(address.id);
}
