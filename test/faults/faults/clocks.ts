import type { Fault, Stage } from "../fault.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Devices that are up to two days ahead or behind, and whose clocks are set back and forth while they edit. */
export const clocksWrong: Fault = {
  summary: "clocks of devices up to 48 h off, and set back and forth",
  async play(stage) {
    const { crowd, size, random } = stage;
    crowd.devices.forEach(({ clock }, index) => {
      clock.offsetMs = [2 * DAY_MS, -2 * DAY_MS, 0][index % 3] ?? 0;
    });
    const steps = await crowd.live(
      async () => {
        const times = size.rounds * 4;
        for (let round = 0; round < times; round += 1) {
          await crowd.untilAnswered(random.between(1, size.answers));
          const device = random.pick(crowd.devices);
          if (device !== undefined) device.clock.offsetMs = random.between(-2 * DAY_MS, 2 * DAY_MS);
        }
        await crowd.untilAnswered(size.answers);
        return times;
      },
      { contact: "flapping" },
    );
    await crowd.settle();
    for (const violation of await wrongTimes(stage)) stage.complain(violation);
    return { steps };
  },
};

/** I7: no edit counts as made after it was received, and no device's edits count in another order than they were made. */
async function wrongTimes({ system, crowd }: Stage): Promise<string[]> {
  const rows = await system.sql<{ version: string; problem: string }>(
    `SELECT version, CASE WHEN effective_us > committed_us THEN 'counts as made after its commit'
                          ELSE 'counts as made before an earlier edit of its device' END AS problem
       FROM (SELECT version, effective_us, committed_us,
                    lag(effective_us) OVER (PARTITION BY device_id ORDER BY sequence) AS before_us
               FROM record_versions WHERE household_id = $1 AND device_id = ANY ($2)) v
      WHERE effective_us > committed_us OR effective_us < before_us`,
    [crowd.household.id, crowd.devices.map(({ name }) => name)],
  );
  return rows.map(({ version, problem }) => `${version} ${problem} (I7)`);
}
