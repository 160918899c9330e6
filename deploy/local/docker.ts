/** A server in a container that lives as long as the `docker run` in the foreground, which passes signals on to it. */
export interface ContainerSpec {
  readonly image: string;
  /** The port on 127.0.0.1. */
  readonly port: number;
  readonly containerPort: number;
  readonly volumes?: readonly string[];
  readonly command: readonly string[];
}

/** The command line that runs this container. */
export function dockerCommand(spec: ContainerSpec): { command: string; args: string[] } {
  const volumes = (spec.volumes ?? []).flatMap((volume) => ["--volume", volume]);
  const publish = ["--publish", `127.0.0.1:${spec.port}:${spec.containerPort}`];
  return { command: "docker", args: ["run", "--rm", "--init", ...publish, ...volumes, spec.image, ...spec.command] };
}
