import { ImageError } from '../errors.ts'
import { Column, pushBytes } from './column.ts'
import { kind, type LayerIndex, minorRange } from './layer-index.ts'
import { NameTree } from './name-tree.ts'
import { cleanPath } from './path.ts'
import type { EntryType, TarEntry, TarSink } from './tar/entry.ts'
import { whiteoutOf } from './whiteout.ts'
import { checkXattrs } from './xattr-limits.ts'
import { packXattrs } from './xattr-set.ts'

export interface IndexLimits {
  readonly maxEntries: number
  /** Of names, link targets and attributes together. */
  readonly maxTextBytes: number
}

const indexLimits: IndexLimits = {
  // Sixteen times the largest image that davit is made for; numbers of entries must stay within 32 bits.
  maxEntries: 2 ** 24,
  // What an index may take in memory, many times what real layers need.
  maxTextBytes: 2 ** 28,
}

const slash = 0x2f
const dot = 0x2e

const kinds: Readonly<Record<EntryType, number>> = kind
const { symlink } = kind

type Looks = Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'seconds' | 'nanoseconds' | 'xattrs'>

/** Of a mark, whose own mean nothing. */
const plain: Looks = { mode: 0, uid: 0, gid: 0, seconds: 0, nanoseconds: 0, xattrs: new Map() }

/**
 * Builds a layer's index while its tar streams by.
 *
 * Errors: MALFORMED (a path that is none), LIMIT_EXCEEDED.
 */
export class IndexBuilder implements TarSink {
  readonly #nodes = new NameTree()
  readonly #columns = newColumns()
  /** Packed attributes, as text, to their number + 1. */
  readonly #xattrSets = new Map<string, number>()
  /** The directory of the entry before, as written, with its last slash: neighbours share it. */
  #directory: Uint8Array = new Uint8Array(0)
  #directoryNode = 0
  readonly #limits: IndexLimits

  constructor(limits: IndexLimits = indexLimits) {
    this.#limits = limits
  }

  entry(entry: TarEntry): void {
    const { path } = entry
    if (path.includes(0)) throw malformed('a path holds a NUL')
    let end = path.length
    while (end > 0 && path[end - 1] === slash) end--
    const start = end === 0 ? 0 : path.lastIndexOf(slash, end - 1) + 1
    // Two dots may remove what stands before; a dot or nothing is the directory itself.
    if (isPlain(path, start, end)) this.#place(entry, this.#parent(path, start), path, start, end)
    else this.#placeCleaned(entry)
    this.#limit()
  }

  data(): void {}

  done(): void {}

  /** The index, as views of what the builder holds. */
  finish(): LayerIndex {
    const { parents, ends, bytes } = this.#nodes.columns()
    const views = Object.entries(this.#columns).map(([name, column]) => [name, column.view()])
    // `newColumns` has the rest, each of its type.
    return { ...(Object.fromEntries(views) as LayerIndex), nodeParents: parents, nameEnds: ends, names: bytes }
  }

  #parent(path: Buffer, start: number): number {
    const { length } = this.#directory
    if (length === start && path.compare(this.#directory, 0, length, 0, start) === 0) return this.#directoryNode
    this.#directory = Uint8Array.from(path.subarray(0, start))
    this.#directoryNode = this.#node(cleanPath(this.#directory))
    return this.#directoryNode
  }

  #node(components: readonly Uint8Array[]): number {
    let node = 0
    for (const name of components) node = this.#nodes.intern(node, name, 0, name.length)
    return node
  }

  #placeCleaned(entry: TarEntry): void {
    const components = cleanPath(entry.path)
    const name = components.at(-1)
    if (name !== undefined) this.#place(entry, this.#node(components.slice(0, -1)), name, 0, name.length)
    else if (entry.type === 'directory') this.#entry(entry, 0)
    else throw new ImageError('UNSAFE', `Cannot index the layer: its root is a ${entry.type}`, { what: 'root entry' })
  }

  #place(entry: TarEntry, parent: number, path: Buffer, start: number, end: number): void {
    const whiteout = path[start] === dot ? whiteoutOf(path.subarray(start, end)) : undefined
    if (whiteout === undefined) this.#entry(entry, this.#nodes.intern(parent, path, start, end))
    else if (whiteout.kind === 'opaque') this.#row(kind.opaque, parent)
    else this.#row(kind.whiteout, this.#nodes.intern(parent, whiteout.name, 0, whiteout.name.length))
  }

  #entry(entry: TarEntry, node: number): void {
    const whole = isWhole(entry)
    const size = entry.type === 'symlink' ? entry.link.length : entry.size
    const data = whole ? this.#data(entry) : this.#scatter(entry)
    this.#row(whole ? kinds[entry.type] : kind.scattered, node, entry, size, data)
  }

  #row(kind: number, node: number, looks: Looks = plain, size = 0, data = 0): void {
    const to = this.#columns
    to.node.push(node)
    to.kind.push(kind)
    // Linux has no other for symlinks.
    to.mode.push(kind === symlink ? 0o777 : looks.mode)
    to.uid.push(looks.uid)
    to.gid.push(looks.gid)
    to.seconds.push(looks.seconds)
    to.nanoseconds.push(looks.nanoseconds)
    to.size.push(size)
    to.data.push(data)
    to.xattrs.push(looks.xattrs.size === 0 ? 0 : this.#xattrs(looks.xattrs))
  }

  #data({ type, segments, link, major, minor }: TarEntry): number {
    switch (type) {
      case 'file':
        return segments[0]?.tarOffset ?? 0
      case 'symlink':
        return this.#text(link)
      case 'hardlink':
        return this.#node(cleanPath(link))
      case 'character':
      case 'block':
        return major * minorRange + minor
      case 'directory':
      case 'fifo':
        return 0
    }
  }

  #text(link: Buffer): number {
    if (link.includes(0)) throw malformed('a link target holds a NUL')
    const { texts } = this.#columns
    const at = texts.length
    pushBytes(texts, link, 0, link.length)
    return at
  }

  #scatter({ segments }: TarEntry): number {
    const to = this.#columns
    for (const { tarOffset, fileOffset, length } of segments) {
      to.segmentTar.push(tarOffset)
      to.segmentFile.push(fileOffset)
      to.segmentLength.push(length)
    }
    to.scatteredEnds.push(to.segmentTar.length)
    return to.scatteredEnds.length - 1
  }

  #xattrs(xattrs: TarEntry['xattrs']): number {
    checkXattrs(xattrs)
    const packed = packXattrs(xattrs)
    const key = packed.toString('latin1')
    const known = this.#xattrSets.get(key)
    if (known !== undefined) return known
    const { xattrBytes, xattrEnds } = this.#columns
    pushBytes(xattrBytes, packed, 0, packed.length)
    xattrEnds.push(xattrBytes.length)
    this.#xattrSets.set(key, xattrEnds.length)
    return xattrEnds.length
  }

  #limit(): void {
    const { node, texts, xattrBytes } = this.#columns
    const { maxEntries, maxTextBytes } = this.#limits
    if (node.length > maxEntries) throw tooMuch('entries', maxEntries)
    const bytes = this.#nodes.byteLength + texts.length + xattrBytes.length
    if (bytes > maxTextBytes) throw tooMuch('bytes of names, links and attributes', maxTextBytes)
  }
}

/** Every column but those of the names. */
function newColumns() {
  return {
    node: new Column<Uint32Array>(Uint32Array),
    kind: new Column<Uint8Array>(Uint8Array),
    mode: new Column<Uint16Array>(Uint16Array),
    uid: new Column<Uint32Array>(Uint32Array),
    gid: new Column<Uint32Array>(Uint32Array),
    seconds: new Column<Float64Array>(Float64Array),
    nanoseconds: new Column<Uint32Array>(Uint32Array),
    size: new Column<Float64Array>(Float64Array),
    data: new Column<Float64Array>(Float64Array),
    xattrs: new Column<Uint32Array>(Uint32Array),
    texts: new Column<Uint8Array>(Uint8Array),
    xattrEnds: new Column<Uint32Array>(Uint32Array),
    xattrBytes: new Column<Uint8Array>(Uint8Array),
    scatteredEnds: new Column<Uint32Array>(Uint32Array),
    segmentTar: new Column<Float64Array>(Float64Array),
    segmentFile: new Column<Float64Array>(Float64Array),
    segmentLength: new Column<Float64Array>(Float64Array),
  }
}

function isPlain(path: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (length === 0 || length > 255) return false
  return length > 2 || path[start] !== dot || (length === 2 && path[start + 1] !== dot)
}

/** True unless a file's data begins elsewhere than at its first byte, or stops before its last. */
function isWhole({ type, size, segments }: TarEntry): boolean {
  if (type !== 'file' || size === 0) return true
  const [first] = segments
  return segments.length === 1 && first?.fileOffset === 0 && first.length === size
}

function malformed(found: string): ImageError<'MALFORMED'> {
  return new ImageError('MALFORMED', `Cannot index the layer: ${found}`, { what: 'layer' })
}

function tooMuch(limit: string, max: number): ImageError<'LIMIT_EXCEEDED'> {
  return new ImageError('LIMIT_EXCEEDED', `Cannot index the layer: more ${limit} than ${max}`, { limit, max })
}
