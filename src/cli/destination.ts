import type { Sink } from '../archive/sink/sink.ts'
import { parseSource, type SourceSpec, sourceFormats } from '../archive/source/spec.ts'
import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import type { Pusher } from '../registry/registry.ts'
import { formatReference, parseReference, type Reference } from '../spec/reference.ts'

/** Where an image may be, or may go: a registry, or a file or directory. */
export type Place = { readonly reference: Reference } | { readonly file: SourceSpec }

/** Reads a reference, or `FORMAT:PATH[:NAME]`. Errors: INVALID_ARGUMENT. */
export function parsePlace(text: string): Place {
  const isFile = sourceFormats.some(format => text.startsWith(`${format}:`))
  return isFile ? { file: parseSource(text) } : { reference: parseReference(text) }
}

/** A place that is open to be written to. */
export interface Destination {
  /** As it is printed, the tag included. */
  readonly name: string
  readonly tag: string | undefined
  readonly pusher: Pusher
  end(): Promise<void>
  close(): Promise<void>
}

/** `tag`: for a file whose name has none. Errors: those of the sinks; INVALID_ARGUMENT for a format that can't be written so. */
export async function openDestination(parts: Parts, place: Place, tag = 'latest'): Promise<Destination> {
  if ('reference' in place) {
    const { reference } = place
    const pusher = await (await parts.resolver()).pusher(reference)
    return { name: formatReference(reference), tag: reference.tag, pusher, async end() {}, async close() {} }
  }
  const { format, path, name = tag } = place.file
  const sink = await openSink(place.file)
  const { end, close } = sink
  return { name: `${format}:${path}:${name}`, tag: name, pusher: sink, end, close }
}

async function openSink({ format, path }: SourceSpec): Promise<Sink> {
  if (format === 'oci') return (await import('../archive/sink/directory.ts')).openDirectorySink(path)
  if (format === 'oci-archive') return await (await import('../archive/sink/tar.ts')).openTarSink(path)
  const message = `Cannot copy to ${format}:${path}: it isn't made of what registries have`
  const details = { argument: 'dest', value: `${format}:${path}` }
  throw new ImageError('INVALID_ARGUMENT', message, details, {
    hint: `davit pull, then davit export --format ${format}`,
  })
}
