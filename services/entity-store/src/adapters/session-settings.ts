/**
 * Settings of connections that read. Every statement looks up a few rows of one household by index, and one plan serves
 * all households and any number of ids.
 */
export const READER_SETTINGS = {
  // Planned once for each connection: for short arrays PostgreSQL would plan at each call, which takes longer than running.
  plan_cache_mode: "force_generic_plan",
  // What is looked up is looked up once, so remembering rows costs more than it spares.
  enable_memoize: "off",
  // Starting workers or compiling takes several times as long as such a statement.
  max_parallel_workers_per_gather: "0",
  jit: "off",
} as const;

/**
 * Settings of connections that commit. Of a household that is new since the last ANALYZE the planner would expect one row,
 * and go through all of its log, under its lock, for each lookup; a plan for any household takes the index.
 */
export const WRITER_SETTINGS = { plan_cache_mode: "force_generic_plan" } as const;
