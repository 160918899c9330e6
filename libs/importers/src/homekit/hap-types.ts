/**
 * Names of HomeKit Accessory Protocol services by short type, from Apple's HomeKit Accessory Protocol Specification (non-commercial
 * version, R2, chapter 8) and the constants of HomeKit.framework.
 */
const SERVICES: Readonly<Record<string, ServiceType>> = {
  "3E": { name: "accessory_information", title: "Accessory information", administrative: true },
  A2: { name: "protocol_information", title: "Protocol information", administrative: true },
  "55": { name: "pairing", title: "Pairing", administrative: true },
  "40": { name: "fan", title: "Fan", category: "fan" },
  "41": { name: "garage_door_opener", title: "Garage door opener", category: "garage_door" },
  "43": { name: "lightbulb", title: "Light", category: "light" },
  "44": { name: "lock_management", title: "Lock management", administrative: true },
  "45": { name: "lock_mechanism", title: "Lock", category: "lock" },
  "47": { name: "outlet", title: "Outlet", category: "outlet" },
  "49": { name: "switch", title: "Switch", category: "switch" },
  "4A": { name: "thermostat", title: "Thermostat", category: "thermostat" },
  "7E": { name: "security_system", title: "Security system", category: "security_system" },
  "7F": { name: "carbon_monoxide_sensor", title: "Carbon monoxide sensor", category: "sensor" },
  "80": { name: "contact_sensor", title: "Contact sensor", category: "sensor" },
  "81": { name: "door", title: "Door", category: "door" },
  "82": { name: "humidity_sensor", title: "Humidity sensor", category: "sensor" },
  "83": { name: "leak_sensor", title: "Leak sensor", category: "sensor" },
  "84": { name: "light_sensor", title: "Light sensor", category: "sensor" },
  "85": { name: "motion_sensor", title: "Motion sensor", category: "sensor" },
  "86": { name: "occupancy_sensor", title: "Occupancy sensor", category: "sensor" },
  "87": { name: "smoke_sensor", title: "Smoke sensor", category: "sensor" },
  "89": { name: "stateless_programmable_switch", title: "Button", category: "button" },
  "8A": { name: "temperature_sensor", title: "Temperature sensor", category: "sensor" },
  "8B": { name: "window", title: "Window", category: "window" },
  "8C": { name: "window_covering", title: "Blind", category: "window_covering" },
  "8D": { name: "air_quality_sensor", title: "Air quality sensor", category: "sensor" },
  "96": { name: "battery", title: "Battery" },
  "97": { name: "carbon_dioxide_sensor", title: "Carbon dioxide sensor", category: "sensor" },
  "110": { name: "camera_stream_management", title: "Camera", category: "camera" },
  "112": { name: "microphone", title: "Microphone" },
  "113": { name: "speaker", title: "Speaker", category: "speaker" },
  "121": { name: "doorbell", title: "Doorbell", category: "doorbell" },
  B7: { name: "fan_v2", title: "Fan", category: "fan" },
  BB: { name: "air_purifier", title: "Air purifier", category: "air_purifier" },
  BC: { name: "heater_cooler", title: "Heater cooler", category: "heater" },
  BD: { name: "humidifier_dehumidifier", title: "Humidifier", category: "humidifier" },
  CC: { name: "service_label", title: "Service label", administrative: true },
  CF: { name: "irrigation_system", title: "Irrigation", category: "sprinkler" },
  D0: { name: "valve", title: "Valve", category: "sprinkler" },
  D8: { name: "television", title: "Television", category: "television" },
};

/** Names of characteristics by short type; see {@link SERVICES}. */
const CHARACTERISTICS: Readonly<Record<string, string>> = {
  "1": "administrator_only_access",
  "8": "brightness",
  D: "cooling_threshold_temperature",
  E: "current_door_state",
  F: "current_heating_cooling_state",
  "10": "current_relative_humidity",
  "11": "current_temperature",
  "12": "heating_threshold_temperature",
  "13": "hue",
  "14": "identify",
  "1D": "lock_current_state",
  "1E": "lock_target_state",
  "20": "manufacturer",
  "21": "model",
  "22": "motion_detected",
  "23": "name",
  "25": "on",
  "26": "outlet_in_use",
  "29": "rotation_speed",
  "2F": "saturation",
  "30": "serial_number",
  "32": "target_door_state",
  "33": "target_heating_cooling_state",
  "34": "target_relative_humidity",
  "35": "target_temperature",
  "36": "temperature_display_units",
  "37": "version",
  "52": "firmware_revision",
  "53": "hardware_revision",
  "5E": "target_position_legacy",
  "66": "security_system_current_state",
  "67": "security_system_target_state",
  "68": "battery_level",
  "6A": "contact_sensor_state",
  "6B": "current_ambient_light_level",
  "6D": "current_position",
  "70": "leak_detected",
  "71": "occupancy_detected",
  "73": "programmable_switch_event",
  "75": "status_active",
  "76": "smoke_detected",
  "79": "status_low_battery",
  "7C": "target_position",
  "8F": "charging_state",
  "95": "air_quality",
  A6: "accessory_flags",
  B0: "active",
  B1: "current_heater_cooler_state",
  B2: "target_heater_cooler_state",
  CB: "service_label_index",
  CD: "service_label_namespace",
  CE: "color_temperature",
};

/** What a device can do, told by the characteristics of its services: `w:` counts only where the value can be written. */
const CAPABILITIES: Readonly<Record<string, string>> = {
  "w:on": "on_off",
  "w:active": "on_off",
  "w:brightness": "dimming",
  "w:hue": "color",
  "w:color_temperature": "color_temperature",
  "w:target_temperature": "target_temperature",
  "w:target_heating_cooling_state": "heating_cooling",
  "w:target_relative_humidity": "target_humidity",
  "w:rotation_speed": "speed",
  "w:target_position": "position",
  "w:target_door_state": "open_close",
  "w:lock_target_state": "lock",
  "w:security_system_target_state": "arm",
  current_temperature: "temperature",
  current_relative_humidity: "humidity",
  current_ambient_light_level: "illuminance",
  motion_detected: "motion",
  occupancy_detected: "occupancy",
  contact_sensor_state: "contact",
  leak_detected: "leak",
  smoke_detected: "smoke",
  air_quality: "air_quality",
  battery_level: "battery",
  programmable_switch_event: "button",
};

/** A kind of service. */
export interface ServiceType {
  readonly name: string;
  readonly title: string;
  /** What an accessory is when this is its main service; undefined: it does not say. */
  readonly category?: string;
  /** Serves the protocol and not the people of the house. */
  readonly administrative?: boolean;
}

const APPLE_BASE = "-0000-1000-8000-0026BB765291";
const SHORT_TYPE = /^[0-9a-f]{1,8}$/i;
const LONG_TYPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * One spelling for a HAP type: `3E` for `0000003E-0000-1000-8000-0026BB765291`, `3e` and `0000003E`; the whole UUID in
 * upper case for types that are not Apple's. Undefined: it is no type.
 */
export function normalHapType(text: string): string | undefined {
  const upper = text.toUpperCase();
  if (SHORT_TYPE.test(upper)) return upper.replace(/^0+(?=.)/, "");
  if (!LONG_TYPE.test(upper)) return undefined;
  return upper.endsWith(APPLE_BASE) ? upper.slice(0, 8).replace(/^0+(?=.)/, "") : upper;
}

/** The kind of a normalised service type; vendors' own are unknown. */
export function serviceTypeOf(type: string): ServiceType | undefined {
  return Object.hasOwn(SERVICES, type) ? SERVICES[type] : undefined;
}

/** The name of a normalised characteristic type; vendors' own have none. */
export function characteristicNameOf(type: string): string | undefined {
  return Object.hasOwn(CHARACTERISTICS, type) ? CHARACTERISTICS[type] : undefined;
}

/** What a characteristic lets a device do; undefined: nothing worth a word. */
export function capabilityOf(name: string, writable: boolean): string | undefined {
  return (writable ? CAPABILITIES[`w:${name}`] : undefined) ?? CAPABILITIES[name];
}
