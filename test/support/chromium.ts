import { type Browser, chromium } from "playwright-core";
import { askBroker } from "./ask-broker.ts";

/** A real browser without a window. */
export async function launchChromium(): Promise<Browser> {
  const { path } = await askBroker("chromium");
  return chromium.launch({
    executablePath: path,
    args: [
      // As root, as which tests often run, its sandbox cannot be had.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
