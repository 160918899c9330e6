import type { Prompt } from "../feature.ts";
import { explainAConflict } from "./explain-a-conflict.ts";
import { findTheManual } from "./find-the-manual.ts";
import { tourOfTheHome } from "./tour-of-the-home.ts";
import { weeklyMaintenance } from "./weekly-maintenance.ts";

/** Every prompt, in the order in which menus show them. */
export const homePrompts: readonly Prompt[] = [tourOfTheHome, weeklyMaintenance, findTheManual, explainAConflict];
