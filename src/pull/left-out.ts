import type { Snapshot } from '../rootfs/snapshotter.ts'

/** Of a snapshot: paths that could not be made in it, after one another with NULs between. */
const LEFT_OUT = 'davit.snapshot/left-out'

/** All of a root file system's devices take some hundred bytes; what is more is forgotten, and links to it are refused. */
const MAX_LEFT_OUT_CHARACTERS = 65_536

/** What an applier is to be told of the layers that a snapshot has. */
export function leftOutOf({ labels }: Snapshot): readonly string[] {
  return labels[LEFT_OUT]?.split('\0') ?? []
}

/** The labels by which a snapshot remembers what an applier has left out. */
export function markLeftOut(paths: readonly string[] = []): Readonly<Record<string, string>> {
  const text = paths.join('\0')
  return text === '' || text.length > MAX_LEFT_OUT_CHARACTERS ? {} : { [LEFT_OUT]: text }
}
