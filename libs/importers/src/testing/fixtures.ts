import type { SourceFile } from "../import-format.ts";
import { projectFile } from "./run-import.ts";

const fixture = (path: string) => projectFile(`libs/importers/fixtures/${path}`);
const homeAssistant = (name: string) => fixture(`home-assistant/${name}`);

/** A home of our own making in each format: the files, and how many records of each type come of them. */
export const FIXTURES: readonly {
  readonly format: string;
  readonly files: readonly SourceFile[];
  readonly entities: Readonly<Record<string, number>>;
  readonly relationships: number;
}[] = [
  {
    format: "homekit",
    files: [
      projectFile("examples/demo/home/maple-street.json"),
      projectFile("examples/demo/home/maple-street.rooms.json"),
    ],
    entities: { accessory: 14, device: 14, home: 1, room: 6, service: 36 },
    relationships: 70,
  },
  {
    format: "home-assistant",
    files: [
      homeAssistant("core.config"),
      homeAssistant("core.area_registry"),
      homeAssistant("core.floor_registry"),
      homeAssistant("core.device_registry"),
      homeAssistant("core.entity_registry"),
      homeAssistant("automations.json"),
    ],
    entities: { app: 1, automation: 3, device: 6, home: 1, room: 5, schedule: 1, service: 7, zone: 2 },
    relationships: 27,
  },
  {
    format: "matter",
    files: [fixture("matter-nodes.json"), fixture("matter-rooms.json")],
    entities: { accessory: 4, device: 4, home: 1, room: 3, service: 4 },
    relationships: 17,
  },
  {
    format: "csv",
    files: [fixture("devices.csv")],
    entities: { device: 4, home: 1, room: 3, zone: 2 },
    relationships: 9,
  },
  {
    format: "ndjson",
    files: [fixture("household.ndjson")],
    entities: { device: 1, home: 1, room: 1 },
    relationships: 2,
  },
];
