import type { OnProgress, ProgressEvent, TotalEvent } from '../progress/events.ts'
import type { PulledImage, PulledLayer } from '../pull/pull.ts'
import { chainIds } from '../spec/chain-id.ts'

/** How often a layer's progress is passed on. */
const statusMs = 150

/** What people see of a pull and of the writing after it, as one thing that ends once. */
export class UnpackProgress {
  readonly #onProgress: OnProgress
  #total: TotalEvent
  #layers: readonly (PulledLayer & { part: number; saidAt: number })[] = []

  constructor(reference: string, onProgress: OnProgress) {
    this.#onProgress = onProgress
    const none = { downloaded: 0, toDownload: 0, resumed: 0, unpacked: 0, toUnpack: 0, reused: 0 }
    this.#total = { type: 'total', reference, state: 'running', ...none }
  }

  /** Passes on what a pull says, but not that it ended: it is half of the work. */
  pulling(event: ProgressEvent): void {
    if (event.type !== 'total') {
      this.#onProgress(event)
      return
    }
    this.#total = { ...event, state: event.state === 'done' ? 'running' : event.state }
    this.#onProgress(this.#total)
  }

  begin({ layers }: PulledImage): void {
    this.#layers = layers.map(layer => ({ ...layer, part: 0, saidAt: Number.NEGATIVE_INFINITY }))
    this.#tellTotal('running')
  }

  warn(message: string): void {
    this.#onProgress({ type: 'warning', reference: this.#total.reference, message })
  }

  /** So much of a layer is written: 0 to 1. */
  written(number: number, part: number): void {
    const layer = this.#layers[number]
    const now = performance.now()
    if (layer === undefined) return
    layer.part = part
    if (part < 1 && now - layer.saidAt < statusMs) return
    layer.saidAt = now
    this.#onProgress({
      type: 'unpack',
      reference: this.#total.reference,
      digest: layer.digest,
      chainId: chainIds(this.#layers.map(({ diffId }) => diffId))[number] ?? layer.diffId,
      state: part < 1 ? 'unpacking' : 'done',
      offset: Math.floor(layer.size * part),
      total: layer.size,
    })
    this.#tellTotal('running')
  }

  end(state: 'done' | 'failed'): void {
    if (state === 'done') for (const layer of this.#layers) layer.part = 1
    this.#tellTotal(state)
  }

  #tellTotal(state: TotalEvent['state']): void {
    const toUnpack = this.#layers.reduce((sum, { size }) => sum + size, 0)
    const unpacked = this.#layers.reduce((sum, { size, part }) => sum + Math.floor(size * part), 0)
    this.#onProgress({ ...this.#total, state, unpacked, toUnpack })
  }
}
