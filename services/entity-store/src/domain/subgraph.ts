import type { RecordId } from "@funkygibbon/kernel/ids";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { Contained, EntityView, GraphSnapshot, RelationshipView } from "./graph-reads.ts";
import { CONTAINMENT, MAX_CONTAINMENT_DEPTH } from "./graph-walk.ts";

/** An entity with all that belongs to it, and every edge among these. */
export interface Subgraph {
  /** The root, then by distance, name and id. */
  readonly entities: readonly EntityView[];
  readonly relationships: readonly RelationshipView[];
  /** The limit cut off what is furthest away. */
  readonly truncated: boolean;
}

/** What belongs to a live entity: what is located in or part of it, directly or through others. @param limit of entities, the root among them. */
export async function readSubgraph(
  snapshot: Pick<GraphSnapshot, "contained" | "entities" | "edgesAmong">,
  root: EntityView,
  limit: number,
): Promise<Subgraph> {
  const room = limit - 1;
  const contained = await snapshot.contained({
    entity: root.id,
    types: CONTAINMENT,
    maxDistance: MAX_CONTAINMENT_DEPTH,
  });
  const near = nearest(contained, room);
  const cut = near.length > room;
  const ids = near.map(({ id }) => id);
  const [views, all] = await Promise.all([
    snapshot.entities(ids),
    cut ? undefined : snapshot.edgesAmong([root.id, ...ids]),
  ]);
  const kept = inOrder(near, views).slice(0, room);
  return {
    entities: [root, ...kept],
    relationships: all ?? (await snapshot.edgesAmong([root.id, ...kept.map(({ id }) => id)])),
    truncated: cut,
  };
}

/** Those of the least distances which together are no fewer than `count`, where there are as many. */
function nearest(contained: readonly Contained[], count: number): readonly Contained[] {
  if (contained.length <= count) return contained;
  const distances = contained.map(({ distance }) => distance).sort((a, b) => a - b);
  const last = distances[count] ?? 0;
  return contained.filter(({ distance }) => distance <= last);
}

function inOrder(contained: readonly Contained[], views: ReadonlyMap<RecordId, EntityView>): EntityView[] {
  return contained
    .flatMap(({ id, distance }) => {
      const view = views.get(id);
      return view === undefined || view.deleted ? [] : [{ view, distance }];
    })
    .sort(
      (a, b) => a.distance - b.distance || compareUtf8(a.view.name, b.view.name) || compareUtf8(a.view.id, b.view.id),
    )
    .map(({ view }) => view);
}
