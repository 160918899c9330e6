// pino-roll ships no types; these are the options that are used here.
declare module "pino-roll" {
  import type { DestinationStream } from "pino";

  export default function pinoRoll(options: {
    readonly file: string;
    readonly frequency: "daily" | "hourly" | number;
    /** For example `20m`. */
    readonly size: string;
    readonly mkdir: boolean;
    /** Rotated files to keep besides the current one. */
    readonly limit: { readonly count: number };
    readonly sync: boolean;
  }): Promise<DestinationStream>;
}
