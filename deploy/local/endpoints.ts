import type { LocalIssuer } from "./issuer.ts";
import type { ServiceUrls } from "./services.ts";

/** The household that the demo home and the ready-made tokens belong to. */
export const HOME_HOUSEHOLD = "home";
/** Another one, to see that households do not see each other. */
export const OTHER_HOUSEHOLD = "neighbours";

/** Where everything of a running system answers. */
export interface SystemAddresses extends ServiceUrls {
  readonly postgres: string;
  readonly redis: string;
  readonly nats: string;
}

/** Ready-made tokens: of the three roles in {@link HOME_HOUSEHOLD}, and of the owner of {@link OTHER_HOUSEHOLD}. */
export interface SystemTokens {
  readonly owner: string;
  readonly member: string;
  readonly guest: string;
  readonly otherHousehold: string;
}

/** The content of DIR/endpoints.json, which is there exactly while the system is ready. */
export interface Endpoints extends SystemAddresses {
  readonly tokens: SystemTokens;
  /** Process ids of the services and of the servers that we started. */
  readonly pids: Readonly<Record<string, number>>;
}

/** Mints the ready-made tokens; the user of each is named like the role. */
export async function mintTokens(issuer: LocalIssuer): Promise<SystemTokens> {
  const at = (household: string, role: "owner" | "member" | "guest") =>
    issuer.mintToken({ household, role, user: role });
  return {
    owner: await at(HOME_HOUSEHOLD, "owner"),
    member: await at(HOME_HOUSEHOLD, "member"),
    guest: await at(HOME_HOUSEHOLD, "guest"),
    otherHousehold: await at(OTHER_HOUSEHOLD, "owner"),
  };
}
