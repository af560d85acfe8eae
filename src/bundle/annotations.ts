import type { ImageConfig } from '../spec/config.ts'

const prefix = 'org.opencontainers.image.'

/**
 * Labels that runtimes obey, on the host's side of the container: crun's files, handlers and hooks, systemd's unit
 * properties, CRI-O's and Kata's switches. An image has no say there.
 */
const obeyed =
  /^(run\.oci\.|org\.systemd\.property\.|io\.kubernetes\.cri-o\.|io\.katacontainers\.|module\.wasm\.|krun\.)/

/**
 * An image's labels and facts as annotations of a runtime configuration; a label wins over a fact.
 *
 * Source: OCI image-spec v1.1, "Conversion to OCI Runtime Configuration", "Annotation Fields", "Config.ExposedPorts".
 */
export function annotationsOf({ platform, author, created, config }: ImageConfig): Readonly<Record<string, string>> {
  const { stopSignal, exposedPorts, labels = {} } = config
  const facts: Readonly<Record<string, string | undefined>> = {
    os: platform.os,
    architecture: platform.architecture,
    variant: platform.variant,
    'os.version': platform.osVersion,
    'os.features': platform.osFeatures?.join(','),
    author,
    created,
    stopSignal,
    exposedPorts: exposedPorts?.toSorted().join(','),
  }
  const known = Object.entries(facts).flatMap(([name, value]) => (value ? [[prefix + name, value] as const] : []))
  const kept = Object.entries(labels).filter(([name]) => !obeyed.test(name))
  return Object.fromEntries([...known, ...kept])
}

/** The labels that {@link annotationsOf} leaves out. */
export function labelsLeftOut({ config }: ImageConfig): readonly string[] {
  return Object.keys(config.labels ?? {}).filter(name => obeyed.test(name))
}
