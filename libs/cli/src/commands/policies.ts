import { FIELD_RULES } from "@funkygibbon/kernel/conflict-policy";
import { type ConflictPolicy, STRATEGIES, type Strategy } from "@funkygibbon/kernel/record";
import { policyFromWire, policyToWire } from "@funkygibbon/wire/conflict";
import type { CommandSpec } from "../command.ts";
import { type Input, parseEntityType } from "../input.ts";
import { plain } from "../present/look.ts";
import { table } from "../present/table.ts";
import { usageError } from "../usage-error.ts";

const DEFAULT = "default";

/** `gibbon policies`. */
export const policiesCommand: CommandSpec = {
  name: "policies",
  summary: "say how contradicting edits are decided, for the whole household",
  details:
    "Without options it lists what applies. With --strategy or --rule it replaces the policy of a type, which owners may: " +
    "what is not said is as it would be without a policy.",
  arguments: [{ name: "[type]", help: `a type of entity, or ${DEFAULT} for all that have no policy of their own` }],
  options: [
    { flags: "--strategy <strategy>", help: "who wins; manual leaves it to a person", choices: STRATEGIES },
    { flags: "--rule <key=rule>", help: `how one key is merged: ${FIELD_RULES.join(", ")}`, repeatable: true },
  ],
  examples: [
    { command: "gibbon policies", says: "what applies to each type" },
    { command: "gibbon policies procedure --strategy manual", says: "a person decides about procedures" },
    { command: "gibbon policies device --rule note=longer", says: "of two notes the longer one stands" },
  ],
  answers: "a list of `type`, `strategy`, `rules`",
  async run(gibbon, input) {
    const type = input.optionalArgument(0);
    const wanted = type === undefined || type === DEFAULT ? undefined : parseEntityType(type);
    const { conflicts } = gibbon.services();
    const options = { signal: gibbon.signal };
    const change = changeOf(input);
    if (change !== undefined) {
      if (type === undefined) throw usageError(`say of which type, or ${DEFAULT}`);
      await conflicts.setPolicy({ policy: policyToWire({ entityType: wanted, ...change }) }, options);
    }
    const { policies } = await conflicts.listPolicies({}, options);
    const rows = policies
      .map(policyFromWire)
      .filter(({ entityType }) => type === undefined || entityType === wanted)
      .map(({ entityType, strategy, fieldRules }) => ({
        type: entityType ?? DEFAULT,
        strategy,
        rules: Object.fromEntries(fieldRules),
      }));
    return {
      data: rows,
      lines: (look) => {
        type Row = (typeof rows)[number];
        const rules = (row: Row) => Object.entries(row.rules).map(([key, rule]) => plain(`${key} ${rule}`));
        const columns = [
          { title: "type", of: (row: Row) => row.type, paint: look.cyan },
          { title: "strategy", of: (row: Row) => row.strategy ?? "merge" },
          { title: "rules of keys", of: (row: Row) => rules(row).join(", "), paint: look.dim },
        ];
        return table(rows, columns, { width: look.width, title: look.bold });
      },
    };
  },
};

/** Undefined: nothing is to be changed. @throws DomainError (usage). */
function changeOf(input: Input): Pick<ConflictPolicy, "strategy" | "fieldRules"> | undefined {
  const [strategy, rules] = [input.text("strategy"), input.texts("rule")];
  if (strategy === undefined && rules.length === 0) return undefined;
  return { strategy: strategy as Strategy | undefined, fieldRules: new Map(rules.map(ruleOf)) };
}

function ruleOf(text: string): readonly [string, string] {
  const at = text.lastIndexOf("=");
  if (at < 1) throw usageError(`--rule takes key=rule, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
