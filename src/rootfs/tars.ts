import { closeSync, readSync } from 'node:fs'
import type { InodeCursor } from '../layer/tree.ts'
import { openHostFile } from '../system/jail.ts'

/** Of a file, at a time. */
const pieceBytes = 2 ** 20

/** The uncompressed tars of a stack of layers, opened as they are needed. */
export class Tars {
  readonly #paths: readonly string[]
  readonly #fds = new Map<number, number>()

  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  /** So many bytes of a layer's tar. */
  read(layer: number, offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.#readInto(bytes, layer, offset)
    return bytes
  }

  /** Fills `bytes` from `offset` on, as far as the tar reaches, and says how far. Errors: nothing is there. */
  readSome(bytes: Uint8Array, layer: number, offset: number): number {
    const read = readSync(this.#open(layer), bytes, 0, bytes.length, offset)
    if (read > 0) return read
    throw new Error(`Cannot read ${this.#paths[layer]} at ${offset}: it is shorter`)
  }

  /**
   * A file as it reads, holes as zeros.
   *
   * Shape: pieces of 1 MiB at most, each valid until the next is asked for.
   */
  *content(inode: InodeCursor): Generator<Uint8Array> {
    const { layer, segments, size } = inode
    const buffer = new Uint8Array(Math.min(size, pieceBytes))
    let next = 0
    for (let start = 0; start < size; start += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, size - start))
      const end = start + piece.length
      piece.fill(0)
      for (; ; next++) {
        const segment = segments[next]
        if (segment === undefined || segment.fileOffset >= end) break
        const { tarOffset, fileOffset, length } = segment
        const [from, to] = [Math.max(start, fileOffset), Math.min(end, fileOffset + length)]
        this.#readInto(piece.subarray(from - start, to - start), layer, tarOffset + from - fileOffset)
        if (fileOffset + length > end) break
      }
      yield piece
    }
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd)
    this.#fds.clear()
  }

  #readInto(bytes: Uint8Array, layer: number, offset: number): void {
    for (let at = 0; at < bytes.length; ) at += this.readSome(bytes.subarray(at), layer, offset + at)
  }

  #open(layer: number): number {
    const known = this.#fds.get(layer)
    if (known !== undefined) return known
    const fd = openHostFile(this.#paths[layer] ?? '')
    this.#fds.set(layer, fd)
    return fd
  }
}
