import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { connectAssistant } from "../../examples/demo/assistant.ts";
import type { Stage } from "./fault.ts";

const PAUSE_MS = 60;
const MARK = "by-assistant";

/**
 * What comes into a household by other doors than sync: a program that creates entities through the entity API, and an
 * AI assistant that changes one through the gateway. Both repeat a call until it is answered, as the API promises they may.
 */
export class OtherDoors {
  readonly #stage: Pick<Stage, "system" | "clients" | "crowd" | "size">;
  readonly #created: string[] = [];
  /** What the assistant was answered last of each of its notes. */
  readonly #notes = new Map<string, number>();
  /** How many calls were answered. */
  answered = 0;

  constructor(stage: Pick<Stage, "system" | "clients" | "crowd" | "size">) {
    this.#stage = stage;
  }

  /** Writes by both doors for as long as `work` takes, then says what of it is not as it was answered. */
  async write<T>(work: () => Promise<T>, complain: (violation: string) => void): Promise<T> {
    const stop = new AbortController();
    const writing = [this.#createThings(stop.signal), this.#takeNotes(stop.signal)];
    try {
      return await work();
    } finally {
      stop.abort();
      await Promise.all(writing);
      for (const violation of await this.#check()) complain(violation);
    }
  }

  async #createThings(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      this.#created.push(await this.#create(`Thing ${this.#created.length + 1}`));
      await sleep(PAUSE_MS);
    }
  }

  /** The request id makes one call of however many attempts. */
  async #create(name: string): Promise<string> {
    const id = randomUUID();
    const request = { id, type: EntityType.NOTE, bodyJson: JSON.stringify({ name }), requestId: randomUUID() };
    const token = this.#stage.crowd.household.tokens.owner;
    await this.#untilAnswered(() => this.#stage.clients.entities.createEntity(request, { token }));
    return id;
  }

  /** Counts up in one note, and in another one when somebody has deleted it. */
  async #takeNotes(stop: AbortSignal): Promise<void> {
    const url = this.#stage.system.constellation.urls.mcpGateway;
    const token = this.#stage.crowd.household.tokens.member;
    let noted = await this.#create("Notes of the assistant");
    for (let note = 1; !stop.aborted; note += 1) {
      const change = { entity_id: noted, content: { [MARK]: note } };
      const found = await this.#untilAnswered(() =>
        this.#whileGatewayLives(async () => {
          await using assistant = await connectAssistant(url, token);
          try {
            await assistant.call("update_entity", change);
            return true;
          } catch (error) {
            if (/there is no entity|was deleted at/.test(String(error))) return false;
            throw error;
          }
        }),
      );
      if (found) this.#notes.set(noted, note);
      else noted = await this.#create("More notes of the assistant");
      await sleep(PAUSE_MS);
    }
  }

  async #untilAnswered<T>(call: () => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + this.#stage.size.patienceMs;
    for (;;) {
      try {
        const answer = await call();
        this.answered += 1;
        return answer;
      } catch (error) {
        if (performance.now() > deadlineMs) throw error;
        await sleep(100);
      }
    }
  }

  /** A gateway that is gone takes its answer along; the assistant's program would wait for it for a minute. */
  async #whileGatewayLives<T>(call: () => Promise<T>): Promise<T> {
    const gateway = this.#stage.system.constellation.services["mcp-gateway"];
    const pid = gateway.isRunning ? gateway.pid : undefined;
    const over = new AbortController();
    const gone = async (): Promise<never> => {
      while (!over.signal.aborted && gateway.isRunning && gateway.pid === pid) await sleep(50);
      throw new Error("the gateway is gone");
    };
    const watch = gone();
    watch.catch(() => {});
    try {
      return await Promise.race([call(), watch]);
    } finally {
      over.abort();
    }
  }

  async #check(): Promise<string[]> {
    const household = this.#stage.crowd.household.id;
    const creations = await this.#stage.system.sql<{ id: string; times: number }>(
      `SELECT record_id::text AS id, count(*)::int AS times FROM record_versions
        WHERE household_id = $1 AND origin_channel = 'api' AND cardinality(parents) = 0 GROUP BY record_id`,
      [household],
    );
    const times = new Map(creations.map((row) => [row.id, row.times]));
    const notes = await this.#stage.system.sql<{ id: string; body: string }>(
      `SELECT h.record_id::text AS id, v.body FROM heads h
         JOIN record_versions v ON v.household_id = h.household_id AND v.seq = h.seq
        WHERE h.household_id = $1 AND h.record_id = ANY ($2::uuid[]) AND NOT h.deleted`,
      [household, [...this.#notes.keys()]],
    );
    const read = notes.map(({ id, body }) => ({ id, note: JSON.parse(body)[MARK], last: this.#notes.get(id) }));
    return [
      ...this.#created
        .filter((id) => times.get(id) !== 1)
        .map((id) => `${id}, created once through the API, is in history ${times.get(id) ?? 0} times (I1)`),
      ...read
        .filter(({ note, last }) => note !== last)
        .map(({ id, note, last }) => `${id} has ${note} where the assistant has last written ${last} (I1)`),
    ];
  }
}
