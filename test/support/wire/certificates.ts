import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { bits, boolean, context, type Der, integer, octets, oid, sequence, set, utcTime, utf8 } from './der.ts'

/** Both in PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

export interface Authority extends Certificate {
  /** A certificate for `names`, host names or addresses, that is good from an hour ago until in `days` days. */
  issue(names: readonly string[], options?: { readonly days?: number }): Certificate
}

interface Subject {
  readonly name: string
  readonly keys: Keys
  readonly extensions: readonly Der[]
  readonly notBefore: Date
  readonly notAfter: Date
}

interface Keys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const isAuthority = extension('2.5.29.19', sequence(boolean(true)))

/**
 * A certificate authority of this process, whose key nobody keeps.
 *
 * Source: RFC 5280, "Basic Certificate Fields"; RFC 5758 for the signature.
 */
export function createAuthority(name = 'davit tests'): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = { name, keys, extensions: [isAuthority], ...validity(1) }
  return {
    ...pem(own, name, keys.privateKey),
    issue(names, { days = 1 } = {}) {
      const subject = {
        name: names[0] ?? '',
        keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
        extensions: [alternativeNames(names)],
        ...validity(days),
      }
      return pem(subject, name, keys.privateKey)
    },
  }
}

function validity(days: number): Pick<Subject, 'notBefore' | 'notAfter'> {
  const now = Date.now()
  const notAfter = new Date(now + days * dayMs)
  return { notBefore: new Date(Math.min(now, notAfter.getTime()) - hourMs), notAfter }
}

function pem(subject: Subject, issuer: string, signer: KeyObject): Certificate {
  const body = toBeSigned(subject, issuer)
  const der = sequence(body, ecdsaWithSha256, bits(sign('sha256', body, signer)))
  const lines = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')
  const key = subject.keys.privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { key: String(key), cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n` }
}

function toBeSigned({ name, keys, extensions, notBefore, notAfter }: Subject, issuer: string): Der {
  const version3 = context(0, integer(Buffer.from([2])))
  return sequence(
    version3,
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])), // the first byte must not be 0
    ecdsaWithSha256,
    commonName(issuer),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    commonName(name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions)),
  )
}

function commonName(name: string): Der {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(name))))
}

function alternativeNames(names: readonly string[]): Der {
  const entries = names.map(name => {
    if (isIP(name) !== 4) return context(2, Buffer.from(name), false)
    return context(7, Buffer.from(name.split('.').map(Number)), false)
  })
  return extension('2.5.29.17', sequence(...entries))
}

function extension(id: string, value: Der): Der {
  return sequence(oid(id), octets(value))
}
