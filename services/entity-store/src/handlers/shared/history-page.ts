import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import { notFound } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { CallContext } from "@funkygibbon/rpc/call";
import type { PageScope } from "../../domain/page-token.ts";
import { parseAt, parseCount } from "./fields.ts";
import { presentHistoryItem } from "./present.ts";
import type { StoreApi } from "./store-api.ts";

const PAGE_SIZE = { field: "page_size", standard: 50, maximum: 200 };

/** One page of the history of a record, for the services of both kinds. */
export async function historyPage(
  { history, pageTokens }: Pick<StoreApi, "history" | "pageTokens">,
  options: {
    readonly kind: RecordKind;
    readonly request: {
      readonly id: string;
      readonly pageSize: number;
      readonly pageToken: string;
      readonly at?: Timestamp | undefined;
    };
    readonly call: CallContext;
  },
) {
  const { kind, request, call } = options;
  const { household } = call.requireIdentity();
  const record = parseRecordId(request.id);
  const size = parseCount(request.pageSize, PAGE_SIZE);
  const at = parseAt(request.at);
  const scope: PageScope = { household, list: "history", filter: [kind, record, at] };
  const after = pageTokens.open(scope, request.pageToken)?.[0];
  const beforeSeq = after === undefined ? undefined : Number(after);
  const query = { household, record, kind, beforeSeq, at, limit: size + 1, signal: call.signal };
  const items = await history.history(query);
  if (items.length === 0 && beforeSeq === undefined) throw notFound(kind, record);
  const last = items.length > size ? items[size - 1] : undefined;
  return {
    entries: items.slice(0, size).map(presentHistoryItem),
    nextPageToken: last === undefined ? "" : pageTokens.seal(scope, [last.version.seq]),
  };
}
