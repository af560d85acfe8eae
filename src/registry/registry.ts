import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import type { Reference } from '../spec/reference.ts'

/** Where images come from: registries, or a file or directory that holds some. */
export interface Source {
  /**
   * What `reference` names right now.
   *
   * With a digest in the reference the answer has that digest, whatever the registry's headers say; without one the
   * `Docker-Content-Digest` header is believed only when the size is known too, else the body is fetched and hashed.
   *
   * Errors: NOT_FOUND, UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE; LIMIT_EXCEEDED for more than 4 MiB;
   *         of a body that had to be fetched also DIGEST_MISMATCH, and MALFORMED when it is no manifest.
   * Source: OCI distribution-spec v1.1, "Pulling manifests".
   */
  resolve(reference: Reference, options?: { readonly signal?: AbortSignal }): Promise<Resolved>

  /** A fetcher for what lies in the reference's repository. No request is made yet. */
  fetcher(reference: Reference): Fetcher

  /** True of a file or directory: what it holds under a name proves nothing about that name's repository. */
  readonly isLocal?: true
}

/**
 * Asks registries what a reference means, and hands out fetchers for its content.
 *
 * A resolver remembers hosts, tokens and connections; it has a lifetime and ends with `close`.
 */
export interface Resolver extends Source {
  /**
   * The tags of the reference's repository, in the registry's order.
   *
   * Errors: those of {@link resolve}, and LIMIT_EXCEEDED for more than 1,000 pages.
   * Source: OCI distribution-spec v1.1, "Listing Tags".
   */
  tags(reference: Reference, options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>

  /**
   * The manifests in the reference's repository that name `digest` as their subject; none where there are none.
   *
   * Errors: as {@link tags}.
   * Source: OCI distribution-spec v1.1, "Listing Referrers".
   */
  referrers(
    reference: Reference,
    digest: Digest,
    options?: { readonly artifactType?: string | undefined; readonly signal?: AbortSignal },
  ): Promise<readonly Descriptor[]>

  /** Ends all connections, also those in use; later calls reject. */
  close(): Promise<void>
}

/** A resolver that knows how to write, too. */
export interface Registry extends Resolver {
  /** A pusher into the reference's repository. No request is made yet. */
  pusher(reference: Reference): Promise<Pusher>
}

export interface Resolved {
  readonly reference: Reference
  readonly descriptor: Descriptor
  /** The host that answered, as `host[:port]`; absent when none was asked. */
  readonly host?: string
}

/** Turns descriptors into bytes, unverified: the content store's gate judges them. */
export interface Fetcher {
  /**
   * Opens the content of `descriptor` from byte `offset` on.
   *
   * A host that ignores ranges is dealt with here: the stream begins at `offset` all the same.
   *
   * A connection that breaks is opened again where it broke; a body is as long as the descriptor says, or fails.
   *
   * Errors: NOT_FOUND, UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE, SIZE_MISMATCH, at the call or in
   *         mid-stream.
   */
  fetch(descriptor: Descriptor, options?: FetchOptions): Promise<Download>

  /**
   * Bytes of the blob that `digest` names: schema 1 names blobs without saying how large they are. Absent where content
   * is always described in full.
   *
   * Errors: those of {@link Resolver.resolve}.
   */
  sizeOf?(digest: Digest, options?: { readonly signal?: AbortSignal }): Promise<number>

  /**
   * Says that the bytes that came for `descriptor` were wrong: whoever sent them is asked last from now on. True when
   * somebody else would be asked before, so that fetching once more may help. A fetcher with one source has no need of it.
   */
  distrust?(descriptor: Descriptor): boolean
}

export interface FetchOptions {
  /** Bytes that the caller has already. Default 0. */
  readonly offset?: number
  readonly signal?: AbortSignal
}

/**
 * A body on its way. Must be iterated or closed; breaking out of the loop closes it.
 *
 * Shape: chunks of any length, ≥256 KiB while the network keeps up; the receiver owns each chunk and its buffer.
 */
export interface Download extends AsyncIterable<Uint8Array> {
  /** Absent when none was asked. */
  readonly host?: string
  /** Gives back the memory of a chunk that the receiver is done with: for chunks to come. */
  reuse(memory: ArrayBuffer): void
  close(): void
}

/**
 * Brings content into one repository. It goes to the registry itself, or to the mirror that `hosts.toml` says takes it.
 *
 * Errors of all: UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE, UNSAFE; NOT_FOUND: the registry knows no such
 * repository; the signal's reason.
 */
export interface Pusher {
  /** Where it writes to, as `host[:port]`; undefined before the first answer. */
  readonly host: string | undefined

  /** Whether manifests of schema 1 may be put, too: a registry judges that itself. */
  readonly takesSchema1?: true

  /**
   * Sees to it that the repository has the blob: looks for it, else has it mounted from `mountFrom`, else uploads it.
   *
   * `content` is asked for the bytes when they are needed, and again from where an upload broke off. They are hashed on
   * their way: the registry is told to keep nothing but what `descriptor` names. What was uploaded in vain is the
   * registry's to forget.
   *
   * Errors: those of `content`; DIGEST_MISMATCH, SIZE_MISMATCH.
   * Source: OCI distribution-spec v1.1, "Pushing blobs", "Mounting a blob from another repository".
   */
  pushBlob(descriptor: Descriptor, content: Pick<Fetcher, 'fetch'>, options?: PushBlobOptions): Promise<BlobPushed>

  /** Whether the repository has this manifest under its digest, or under a tag: then it has what that names, too. */
  hasManifest(descriptor: Descriptor, options?: ManifestOptions): Promise<boolean>

  /**
   * Puts a manifest or an index, byte for byte, under its digest or under a tag. What it names must be there before.
   * One with a subject is listed with the subject's referrers, by the registry itself or, where it can't, under a tag.
   *
   * Errors: DIGEST_MISMATCH: the registry has kept something else.
   * Source: OCI distribution-spec v1.1, "Pushing Manifests".
   */
  pushManifest(descriptor: Descriptor, bytes: Uint8Array, options?: ManifestOptions): Promise<void>
}

export type BlobPushed = 'exists' | 'mounted' | 'uploaded'

export interface PushBlobOptions {
  /** Another repository of the same registry, which may have the blob. */
  readonly mountFrom?: string | undefined
  /** Told how many bytes the registry has been sent, of the present try. */
  readonly onOffset?: (offset: number) => void
  readonly signal?: AbortSignal
}

export interface ManifestOptions {
  readonly tag?: string | undefined
  readonly signal?: AbortSignal
}
