// A page that shows the rooms of the home and switches devices, live and offline; all its tabs are one device.
//
//   npx vite examples/browser        then open http://localhost:5173/#url=http://127.0.0.1:4402&token=…
//
// with CORS_ORIGINS=http://localhost:5173 in the environment of `npm start`, which prints both values.
import { openBrowserClient } from "@funkygibbon/client/browser-client";
import type { EntityView, GraphView } from "@funkygibbon/client/graph-view";

const hash = new URLSearchParams(location.hash.slice(1));
const home = await openBrowserClient({
  url: hash.get("url") ?? "http://127.0.0.1:4402",
  token: () => hash.get("token") ?? "",
  database: "home",
});
const main = document.querySelector("main");
const search = document.querySelector("input");
const status = document.querySelector("output");

/** What is shown: each room with its devices, or what answers the search. */
function shown(graph: GraphView): readonly (readonly [string, readonly EntityView[]])[] {
  const words = search?.value.trim() ?? "";
  if (words === "") return graph.rooms().map((room) => [room.name, graph.devicesIn(room.id)] as const);
  return [["Found", graph.search(words, { types: ["device"] }).map(({ entity }) => entity)]];
}

function draw(groups: ReturnType<typeof shown>): void {
  const nodes = groups.flatMap(([title, devices]) => {
    const heading = document.createElement("h2");
    heading.textContent = title;
    return [heading, ...devices.map(line)];
  });
  main?.replaceChildren(...nodes);
}

function line(device: EntityView): HTMLElement {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.style.width = "auto";
  box.checked = device.body.on === true;
  box.addEventListener("change", () => {
    home.update(device.id, { on: box.checked }).catch((error: Error) => {
      // Guests only read, and somebody may have deleted it meanwhile.
      box.checked = !box.checked;
      if (status !== null) status.textContent = error.message;
    });
  });
  const { capabilities } = device.body;
  label.append(device.name, ...(Array.isArray(capabilities) && capabilities.includes("on_off") ? [box] : []));
  return label;
}

home.watch(shown, draw);
search?.addEventListener("input", () => draw(shown(home.graph)));
home.onState(({ phase, pendingEdits, error }) => {
  const waiting = pendingEdits > 0 ? `, ${pendingEdits} to send` : "";
  if (status !== null) status.textContent = `${phase}${waiting}${error === undefined ? "" : `, ${error.message}`}`;
});
addEventListener("online", () => home.retryNow());
home.connect();
