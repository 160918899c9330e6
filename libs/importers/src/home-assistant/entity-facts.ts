import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { RegistryEntity } from "./registries.ts";

/** What a device with an entity of this domain is; the first of this order that it has. */
const CATEGORY_OF_DOMAIN: Readonly<Record<string, string>> = {
  climate: "thermostat",
  lock: "lock",
  cover: "window_covering",
  alarm_control_panel: "security_system",
  camera: "camera",
  vacuum: "vacuum",
  media_player: "media_player",
  humidifier: "humidifier",
  valve: "sprinkler",
  fan: "fan",
  light: "light",
  switch: "switch",
  event: "button",
  binary_sensor: "sensor",
  sensor: "sensor",
};

const CAPABILITIES_OF_DOMAIN: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    alarm_control_panel: ["arm"],
    climate: ["heating_cooling", "target_temperature"],
    cover: ["position"],
    event: ["button"],
    fan: ["on_off", "speed"],
    humidifier: ["on_off", "target_humidity"],
    light: ["on_off"],
    lock: ["lock"],
    switch: ["on_off"],
  }),
);

const CAPABILITY_OF_CLASS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "binary_sensor.battery": "battery",
    "binary_sensor.door": "contact",
    "binary_sensor.moisture": "leak",
    "binary_sensor.motion": "motion",
    "binary_sensor.occupancy": "occupancy",
    "binary_sensor.opening": "contact",
    "binary_sensor.smoke": "smoke",
    "binary_sensor.window": "contact",
    "sensor.battery": "battery",
    "sensor.energy": "energy",
    "sensor.humidity": "humidity",
    "sensor.illuminance": "illuminance",
    "sensor.power": "power",
    "sensor.temperature": "temperature",
  }),
);

const CAPABILITY_OF_COLOR_MODE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    brightness: "dimming",
    color_temp: "color_temperature",
    hs: "color",
    rgb: "color",
    rgbw: "color",
    rgbww: "color",
    xy: "color",
  }),
);

/** What a device is, told by its entities; one without any only serves others. */
export function categoryOf(entities: readonly RegistryEntity[]): string {
  const domains = new Set(entities.map(({ domain }) => domain));
  const domain = Object.keys(CATEGORY_OF_DOMAIN).find((name) => domains.has(name));
  return (domain === undefined ? undefined : CATEGORY_OF_DOMAIN[domain]) ?? "other";
}

/** What a device can do, told by its entities; sorted. */
export function capabilitiesOf(entities: readonly RegistryEntity[]): readonly string[] {
  const found = new Set(entities.flatMap(capabilitiesOfEntity));
  return [...found].sort(compareUtf8);
}

function capabilitiesOfEntity({ domain, deviceClass, colorModes }: RegistryEntity): readonly string[] {
  const colors = colorModes.flatMap((mode) => CAPABILITY_OF_COLOR_MODE.get(mode) ?? []);
  // Home Assistant lists no mode of mere brightness beside those that imply it.
  const dims = colors.length > 0 ? ["dimming"] : [];
  const measured = CAPABILITY_OF_CLASS.get(`${domain}.${deviceClass ?? ""}`);
  return [
    ...(CAPABILITIES_OF_DOMAIN.get(domain) ?? []),
    ...colors,
    ...dims,
    ...(measured === undefined ? [] : [measured]),
  ];
}
