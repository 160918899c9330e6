import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import {
  type Change,
  ChangeSchema,
  type EntityType,
  type RelationshipType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
