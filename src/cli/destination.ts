import type { Sink } from '../archive/sink/sink.ts'
import { parseSource, type SourceSpec, sourceFormats } from '../archive/source/spec.ts'
import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import type { Pusher } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
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
  /** All is there. Answers what it is there, if that isn't what was copied. */
  end(): Promise<Descriptor | undefined>
  close(): Promise<void>
}

/** What the image is called where it is. */
export interface Called {
  readonly reference?: Reference | undefined
  readonly tag?: string | undefined
}

/**
 * `called`: for a file whose name has none.
 *
 * Errors: those of the sinks; INVALID_ARGUMENT for a format that can't be written so, or a name that it has no room for.
 */
export async function openDestination(parts: Parts, place: Place, called: Called): Promise<Destination> {
  if ('file' in place) return await openFile(place.file, called)
  const { reference } = place
  const pusher = await (await parts.resolver()).pusher(reference)
  return { name: formatReference(reference), tag: reference.tag, pusher, end: async () => undefined, async close() {} }
}

async function openFile(
  { format, path, name }: SourceSpec,
  { reference, tag = 'latest' }: Called,
): Promise<Destination> {
  const place = `${format}:${path}`
  switch (format) {
    case 'oci': {
      const { openDirectorySink } = await import('../archive/sink/directory.ts')
      return intoSink(place, name ?? tag, openDirectorySink(path))
    }
    case 'oci-archive': {
      const { openTarSink } = await import('../archive/sink/tar.ts')
      return intoSink(place, name ?? tag, await openTarSink(path))
    }
    case 'docker-archive': {
      const whole = tagged(name === undefined ? reference : parseReference(name))
      const { openDockerSink } = await import('../archive/sink/docker.ts')
      return intoSink(place, whole && formatReference(whole), await openDockerSink(path, whole))
    }
    case 'tar':
    case undefined:
      throw notWritten(place)
  }
}

function intoSink(place: string, tag: string | undefined, sink: Sink): Destination {
  return { name: tag === undefined ? place : `${place}:${tag}`, tag, pusher: sink, end: sink.end, close: sink.close }
}

/** Docker loads nothing by a digest. */
function tagged(reference: Reference | undefined): Reference | undefined {
  if (reference?.tag === undefined) return undefined
  const { digest: _, ...name } = reference
  return name
}

function notWritten(place: string): ImageError {
  const message = `Cannot copy to ${place}: it isn't made of what registries have`
  const hint = 'davit pull, then davit export --format tar'
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'dest', value: place }, { hint })
}
