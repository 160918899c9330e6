/** What an endpoint is; see {@link deviceTypeOf}. */
export interface MatterDeviceType {
  readonly name: string;
  readonly title: string;
  /** What a device is when this is what it does; undefined: it does not say. */
  readonly category?: string;
}

/** Device types by id, from the Matter Device Library Specification 1.4. */
const DEVICE_TYPES: Readonly<Record<number, MatterDeviceType>> = {
  10: { name: "door_lock", title: "Lock", category: "lock" },
  14: { name: "aggregator", title: "Bridge" },
  15: { name: "generic_switch", title: "Button", category: "button" },
  17: { name: "power_source", title: "Power source" },
  18: { name: "ota_requestor", title: "Updates" },
  19: { name: "bridged_node", title: "Bridged device" },
  20: { name: "ota_provider", title: "Update provider" },
  21: { name: "contact_sensor", title: "Contact sensor", category: "sensor" },
  22: { name: "root_node", title: "Node" },
  34: { name: "speaker", title: "Speaker", category: "speaker" },
  40: { name: "basic_video_player", title: "Video player", category: "television" },
  43: { name: "fan", title: "Fan", category: "fan" },
  44: { name: "air_quality_sensor", title: "Air quality sensor", category: "sensor" },
  45: { name: "air_purifier", title: "Air purifier", category: "air_purifier" },
  65: { name: "water_freeze_detector", title: "Freeze detector", category: "sensor" },
  66: { name: "water_valve", title: "Valve", category: "sprinkler" },
  67: { name: "water_leak_detector", title: "Leak detector", category: "sensor" },
  68: { name: "rain_sensor", title: "Rain sensor", category: "sensor" },
  112: { name: "refrigerator", title: "Refrigerator", category: "appliance" },
  114: { name: "room_air_conditioner", title: "Air conditioner", category: "thermostat" },
  115: { name: "laundry_washer", title: "Washing machine", category: "appliance" },
  116: { name: "robotic_vacuum_cleaner", title: "Vacuum cleaner", category: "vacuum" },
  117: { name: "dishwasher", title: "Dishwasher", category: "appliance" },
  118: { name: "smoke_co_alarm", title: "Smoke alarm", category: "sensor" },
  256: { name: "on_off_light", title: "Light", category: "light" },
  257: { name: "dimmable_light", title: "Light", category: "light" },
  259: { name: "on_off_light_switch", title: "Light switch", category: "switch" },
  260: { name: "dimmer_switch", title: "Dimmer switch", category: "switch" },
  261: { name: "color_dimmer_switch", title: "Colour dimmer switch", category: "switch" },
  262: { name: "light_sensor", title: "Light sensor", category: "sensor" },
  263: { name: "occupancy_sensor", title: "Occupancy sensor", category: "sensor" },
  266: { name: "on_off_plug_in_unit", title: "Outlet", category: "outlet" },
  267: { name: "dimmable_plug_in_unit", title: "Outlet", category: "outlet" },
  268: { name: "color_temperature_light", title: "Light", category: "light" },
  269: { name: "extended_color_light", title: "Light", category: "light" },
  514: { name: "window_covering", title: "Blind", category: "window_covering" },
  768: { name: "heating_cooling_unit", title: "Heating and cooling", category: "heater" },
  769: { name: "thermostat", title: "Thermostat", category: "thermostat" },
  770: { name: "temperature_sensor", title: "Temperature sensor", category: "sensor" },
  771: { name: "pump", title: "Pump", category: "pump" },
  773: { name: "pressure_sensor", title: "Pressure sensor", category: "sensor" },
  774: { name: "flow_sensor", title: "Flow sensor", category: "sensor" },
  775: { name: "humidity_sensor", title: "Humidity sensor", category: "sensor" },
  1296: { name: "electrical_sensor", title: "Electrical sensor", category: "sensor" },
};

/** Device types that say how an endpoint is built in, and not what it does. */
const UTILITY_TYPES: ReadonlySet<number> = new Set([14, 17, 18, 19, 20, 22]);

/** Clusters by id, from the Matter Application Cluster Specification 1.4; those that people meet. */
const CLUSTERS: Readonly<Record<number, string>> = {
  3: "identify",
  4: "groups",
  5: "scenes",
  6: "on_off",
  8: "level_control",
  29: "descriptor",
  30: "binding",
  40: "basic_information",
  47: "power_source",
  57: "bridged_device_basic_information",
  59: "switch",
  64: "fixed_label",
  65: "user_label",
  69: "boolean_state",
  91: "air_quality",
  92: "smoke_co_alarm",
  98: "scenes_management",
  144: "electrical_power_measurement",
  145: "electrical_energy_measurement",
  257: "door_lock",
  258: "window_covering",
  513: "thermostat",
  514: "fan_control",
  768: "color_control",
  1024: "illuminance_measurement",
  1026: "temperature_measurement",
  1027: "pressure_measurement",
  1028: "flow_measurement",
  1029: "relative_humidity_measurement",
  1030: "occupancy_sensing",
};

/** What a cluster that an endpoint serves lets its device do. */
const CAPABILITIES: Readonly<Record<number, readonly string[]>> = {
  6: ["on_off"],
  8: ["dimming"],
  59: ["button"],
  91: ["air_quality"],
  92: ["smoke"],
  144: ["power"],
  145: ["energy"],
  257: ["lock"],
  258: ["position"],
  513: ["target_temperature", "temperature"],
  514: ["speed"],
  1024: ["illuminance"],
  1026: ["temperature"],
  1027: ["pressure"],
  1028: ["flow"],
  1029: ["humidity"],
  1030: ["occupancy"],
};

/** What a boolean state means, by the type of its endpoint. */
const BOOLEAN_STATES: Readonly<Record<number, string>> = { 21: "contact", 65: "freeze", 67: "leak", 68: "rain" };

/** What a device type is; vendors' own and newer ones are named by their number. */
export function deviceTypeOf(id: number): MatterDeviceType {
  return DEVICE_TYPES[id] ?? { name: `device_type_${id}`, title: `Device type ${id}` };
}

/** Whether a device type says what an endpoint does for the people of the house. */
export function isApplication(deviceType: number): boolean {
  return !UTILITY_TYPES.has(deviceType);
}

/** The name of a cluster; vendors' own and newer ones are named by their number. */
export function clusterNameOf(id: number): string {
  return CLUSTERS[id] ?? `cluster_${id}`;
}

/** What an endpoint lets its device do. @param features the feature map of a cluster. */
export function capabilitiesOf(endpoint: {
  readonly deviceTypes: readonly number[];
  readonly clusters: readonly number[];
  readonly features: (cluster: number) => number;
}): readonly string[] {
  const { deviceTypes, clusters, features } = endpoint;
  return clusters.flatMap((cluster) => {
    // Color Control: hue and saturation is bit 0, XY bit 3, colour temperature bit 4.
    if (cluster === 768) {
      const color = (features(cluster) & 0b1001) === 0 ? [] : ["color"];
      return (features(cluster) & 0b10000) === 0 ? color : [...color, "color_temperature"];
    }
    // Power Source: battery is bit 1.
    if (cluster === 47) return (features(cluster) & 0b10) === 0 ? [] : ["battery"];
    if (cluster === 69) return deviceTypes.flatMap((type) => BOOLEAN_STATES[type] ?? []);
    return CAPABILITIES[cluster] ?? [];
  });
}
