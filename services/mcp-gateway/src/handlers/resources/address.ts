import { isUuid } from "@funkygibbon/kernel/ids";
import type { EntityRef } from "../../domain/graph.ts";

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
