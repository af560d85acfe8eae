import * as v from 'valibot'
import { type Algorithm, type Digest, digestOf } from './digest.ts'
import { malformed, parseJson } from './json.ts'
import { isSchema1 } from './media-types.ts'
import { validate } from './validate.ts'

/** What a signature says of the document that it is in: how much of it, and what after that, was signed. */
const protectedSchema = v.object({
  formatLength: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  formatTail: v.string(),
})

const signedSchema = v.object({
  signatures: v.nullish(v.array(v.object({ protected: v.string() }))),
})

/**
 * The bytes of a schema 1 manifest that its digest is of: those that were signed, or all where nobody signed.
 *
 * The signatures themselves are not checked: their keys come with them and prove nothing. The digest does.
 *
 * Errors: MALFORMED: no JSON, or signatures that don't say what they are of, or differ in it.
 * Source: Docker "Image Manifest Version 2, Schema 1", "Signed Manifests"; libtrust, `ParsePrettySignature`.
 */
export function payloadOf(bytes: Uint8Array): Uint8Array {
  const { signatures } = validate(signedSchema, parseJson(bytes, 'schema 1 manifest'), 'schema 1 manifest')
  if (signatures === undefined || signatures === null) return bytes
  const [first, ...others] = signatures.map(signature => readProtected(signature.protected))
  if (first === undefined) throw malformed('schema 1 manifest', 'its list of signatures is empty')
  const { formatLength, formatTail } = first
  if (others.some(other => other.formatLength !== formatLength || other.formatTail !== formatTail))
    throw malformed('schema 1 manifest', 'its signatures are of different documents')
  if (formatLength > bytes.length)
    throw malformed('schema 1 manifest', `its signature is of ${formatLength} bytes, it has ${bytes.length}`)
  return Buffer.concat([bytes.subarray(0, formatLength), Buffer.from(formatTail, 'base64url')])
}

/**
 * The digest by which registries know a document: of its bytes, but for schema 1, of its payload.
 *
 * Errors: MALFORMED, LIMIT_EXCEEDED, for schema 1 alone.
 */
export function documentDigest(bytes: Uint8Array, mediaType: string, algorithm?: Algorithm): Digest {
  return digestOf(isSchema1(mediaType) ? payloadOf(bytes) : bytes, algorithm)
}

function readProtected(text: string): v.InferOutput<typeof protectedSchema> {
  const what = 'protected header of a schema 1 manifest'
  return validate(protectedSchema, parseJson(Buffer.from(text, 'base64url'), what), what)
}
