/**
 * Keeps what a running operation needs from being collected. Held by a kernel lock: it ends with its process, by no
 * clock.
 */
export interface Leases {
  hold(): Promise<Lease>
  /** Resources of leases whose holders live. */
  live(): Promise<readonly Resource[]>
  /**
   * Begins to remember leases that end, for a collection: what they held may have become part of an image that nobody has
   * looked at yet. One collection at a time, in all processes.
   *
   * Errors: LOCKED, when another one is at it; the signal's reason.
   */
  remember(options?: FreezeOptions): Promise<Remembered>
  /**
   * Keeps every `add`, in all processes, waiting until it is released: nobody comes to need what is being collected.
   *
   * Errors: LOCKED; the signal's reason.
   */
  freeze(options?: FreezeOptions): Promise<{ release(): void }>
}

export interface Remembered {
  /** All that was leased when it began to remember, or since. Nothing is missing while leases are frozen. */
  resources(): Promise<readonly Resource[]>
  /** Leases of the dead go too. */
  forget(): Promise<void>
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

/** Does `work` while `resources` are leased. */
export async function whileLeased<T>(
  leases: Leases,
  resources: readonly Resource[],
  work: () => Promise<T>,
): Promise<T> {
  const lease = await leases.hold()
  try {
    for (const resource of resources) await lease.add(resource)
    return await work()
  } finally {
    await lease.end()
  }
}
