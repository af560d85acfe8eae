/**
 * Keeps what a running operation needs from being collected. Held by a kernel lock: it ends with its process, by no
 * clock.
 */
export interface Leases {
  hold(): Promise<Lease>
  /** Resources of leases whose holders live. Leases of the dead are removed on the way. */
  live(): Promise<readonly Resource[]>
  /**
   * Keeps every `add`, in all processes, waiting until it is released: nobody comes to need what is being collected.
   *
   * Errors: LOCKED; the signal's reason.
   */
  freeze(options?: FreezeOptions): Promise<{ release(): void }>
}

export interface FreezeOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

export interface Lease {
  readonly id: string
  /** Protects `resource` from now on, whether it exists yet or not: add first, then look whether it is there. */
  add(resource: Resource): Promise<void>
  end(): Promise<void>
}

/** `id`: a digest; a snapshot as `<snapshotter>/<key>`. */
export interface Resource {
  readonly kind: 'content' | 'snapshot'
  readonly id: string
}
