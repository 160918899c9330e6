import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { asBuffer } from "./encoded.ts";

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

/** Lets tools such as `buf curl` and `grpcurl` list and call the services (grpc.reflection v1 and v1alpha). */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, DescFile>();
  for (const service of services) collect(service.file, files);
  const definition: PackageDefinition = {};
  // The library reads nothing of a definition's entries but their serialised files.
  for (const [name, file] of files) definition[name] = fileEntry(toBinary(FileDescriptorProtoSchema, file.proto));
  const names = services.map(({ typeName }) => typeName);
  new ReflectionService(definition, { services: names }).addToServer(server);
}

function fileEntry(bytes: Uint8Array): PackageDefinition[string] {
  return {
    format: "Protocol Buffer 3 EnumDescriptorProto",
    type: {},
    fileDescriptorProtos: [asBuffer(bytes)],
  };
}

function collect(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.name)) return;
  into.set(file.name, file);
  for (const dependency of file.dependencies) collect(dependency, into);
}
