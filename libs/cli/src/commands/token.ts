import type { CommandSpec } from "../command.ts";
import { agoText, clockText } from "../present/moment.ts";
import { claimsOf } from "../token-claims.ts";

/** `gibbon token`. */
export const tokenCommand: CommandSpec = {
  name: "token",
  summary: "print the token in use, for other programs",
  options: [{ flags: "--claims", help: "say whose it is instead, and until when" }],
  examples: [
    { command: 'curl -H "authorization: Bearer $(gibbon token)" …', says: "call a service by hand" },
    { command: "gibbon token --claims", says: "who am I here?" },
  ],
  answers: "`token` (not with --claims), `user`, `household`, `role`, `expires_at`",
  async run(gibbon, input) {
    const { token } = gibbon.connection();
    const claims = claimsOf(token);
    const until = claims?.expiresMs;
    const about = {
      user: claims?.user,
      household: claims?.household,
      role: claims?.role,
      expires_at: until === undefined ? undefined : new Date(until).toISOString(),
    };
    if (!input.flag("claims")) return { data: { token, ...about }, lines: () => [token] };
    return {
      data: about,
      lines: ({ bold, nowMs, red }) => [
        `${bold(about.user ?? "?")}, ${about.role ?? "?"} of ${bold(about.household ?? "?")}`,
        ...(until === undefined
          ? []
          : [until > nowMs ? `until ${clockText(until)}` : red(`expired ${agoText(until, nowMs)}`)]),
      ],
    };
  },
};
