/** One call of a tool, and what it answered. */
export interface SessionCall {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The structured answer. */
  readonly answer: Answer;
}

/** What a person of the household asks, and what the assistant did about it. */
export interface SessionStep {
  readonly question: string;
  readonly calls: readonly SessionCall[];
  /** What the assistant says. */
  readonly reply: string;
}

/** Calls a tool. @returns its structured answer. @throws when it fails. */
export type CallTool = (tool: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

/** Where the tools' answers are read, they have the form of their output schemas. */
type Answer = Readonly<Record<string, unknown>>;

interface Named {
  readonly id: string;
  readonly name: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * Ten questions about the demo home, as a good assistant answers them: by the fewest calls, and remembering what it was
 * told before. No model is needed: which tool answers which question is written down here.
 */
export async function playSession(callTool: CallTool): Promise<readonly SessionStep[]> {
  const began = new Date().toISOString();
  const session = new Session(callTool);

  await session.ask("What is in the living room?", async (call) => {
    const { entities } = await call("get_devices_in_room", { room: "Living room" });
    return namesOf(entities).join(", ");
  });

  await session.ask("What can I set on the reading lamp?", async (call) => {
    const { services } = await call("find_device_controls", { device: "Reading lamp" });
    return listOf<{ can_set: string[] }>(services)
      .flatMap(({ can_set: settings }) => settings)
      .join(", ");
  });

  await session.ask("Which devices run on batteries?", async (call) => {
    const { entities } = await call("query_graph", { query: "find_devices", fields: ["capabilities"] });
    const onBattery = listOf<Named>(entities).filter(({ fields }) => listOf(fields?.capabilities).includes("battery"));
    return namesOf(onBattery).join(", ");
  });

  await session.ask("Where is the leak sensor, and which firmware does it run?", async (call) => {
    const details = await call("get_entity_details", { entity: "Leak sensor", fields: ["firmware"] });
    const { content } = details.entity as { content: { firmware: string } };
    return `${namesOf(details.located_in).join(", ")}; firmware ${content.firmware}`;
  });

  const light = await session.ask("Have we another light like the ceiling light?", async (call) => {
    const answer = await call("find_similar_entities", { entity: "Ceiling light", limit: 1 });
    const [alike] = listOf<Named & { agree: string[] }>(answer.similar);
    return { reply: `${alike?.name}: same ${alike?.agree.join(", ")}`, found: answer.entity as Named };
  });

  const renamed = await session.ask("Call the ceiling light “Dining light”, please.", async (call) => {
    const { call_id: callId } = await call("update_entity", {
      entity_id: light.id,
      content: { name: "Dining light" },
    });
    return { reply: "Done.", found: String(callId) };
  });

  await session.ask("Remember how to reset the thermostat: hold the ring for ten seconds.", async (call) => {
    const { entity } = await call("create_entity", {
      type: "procedure",
      name: "Reset the thermostat",
      content: { steps: ["Hold the ring for ten seconds"] },
    });
    await call("create_relationship", {
      type: "procedure_for",
      from: (entity as Named).id,
      to: "Thermostat",
    });
    return "Noted, for everybody in the house.";
  });

  await session.ask("How do I reset the thermostat?", async (call) => {
    const { procedures } = await call("get_procedures_for_device", { device: "Thermostat", fields: ["steps"] });
    return listOf<Named>(procedures)
      .map(({ name, fields }) => `${name}: ${listOf(fields?.steps).join(", ")}`)
      .join("; ");
  });

  await session.ask("What has changed since we began?", async (call) => {
    const { changes } = await call("what_changed", { since: began });
    return listOf<{ change: string; what: string; keys: { before: string; after: string }[] }>(changes)
      .map(({ change, what, keys }) =>
        [`${change} ${what}`, ...keys.map(({ before, after }) => `(${before} → ${after})`)].join(" "),
      )
      .join("; ");
  });

  await session.ask("Put the ceiling light's name back.", async (call) => {
    const { undone } = await call("undo", { call_id: renamed });
    return `Undone: ${(undone as { tool: string }).tool}.`;
  });

  return session.steps;
}

/** Keeps what is asked, called and said. */
class Session {
  readonly steps: SessionStep[] = [];
  readonly #callTool: CallTool;

  constructor(callTool: CallTool) {
    this.#callTool = callTool;
  }

  /** Answers a question; what `work` has found is remembered by whoever asks. */
  ask(question: string, work: (call: CallTool) => Promise<string>): Promise<undefined>;
  ask<Found>(
    question: string,
    work: (call: CallTool) => Promise<{ readonly reply: string; readonly found: Found }>,
  ): Promise<Found>;
  async ask<Found>(
    question: string,
    work: (call: CallTool) => Promise<string | { readonly reply: string; readonly found: Found }>,
  ): Promise<Found | undefined> {
    const calls: SessionCall[] = [];
    const done = await work(async (tool, args) => {
      const answer = await this.#callTool(tool, args);
      calls.push({ tool, args, answer });
      return answer;
    });
    const { reply, found } = typeof done === "string" ? { reply: done, found: undefined } : done;
    this.steps.push({ question, calls, reply });
    return found;
  }
}

function listOf<T = unknown>(value: unknown): readonly T[] {
  return Array.isArray(value) ? value : [];
}

function namesOf(entities: unknown): readonly string[] {
  return listOf<Named>(entities).map(({ name }) => name);
}
