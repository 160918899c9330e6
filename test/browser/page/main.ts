import { openBrowserClient } from "@funkygibbon/client/browser-client";
import type { Client } from "@funkygibbon/client/client";

declare global {
  var openHome: typeof openBrowserClient;
  /** The client of the tab, once a test has opened it. */
  var home: Client;
}

globalThis.openHome = openBrowserClient;
