import { type Identity, mayWrite } from "@funkygibbon/kernel/identity";

/** What a tool does with the household's data. */
export type ToolAccess = "read" | "write";

/** The OAuth scope that each kind of tool needs. */
export const SCOPE_OF: Readonly<Record<ToolAccess, string>> = { read: "home:read", write: "home:write" };

/**
 * Whether this caller may use tools of this kind.
 * - `role`: the person may not, whatever token they bring.
 * - `scope`: the person may, but has not granted it to this assistant; a token with more scope helps.
 */
export type Permission = "allowed" | "role" | "scope";

/** A token that names scopes is held to them; one that names none is held to its role alone. */
export function permissionFor(access: ToolAccess, identity: Pick<Identity, "role" | "scopes">): Permission {
  if (access === "write" && !mayWrite(identity.role)) return "role";
  if (identity.scopes.length > 0 && !identity.scopes.includes(SCOPE_OF[access])) return "scope";
  return "allowed";
}
