import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '../errors.ts'
import { malformed } from '../spec/json.ts'
import type { Connection } from './hosts.ts'

/** Bundles of all public authorities have a quarter of this. */
const maxPemBytes = 1024 * 1024

/** A certificate of one's own and its key, as files. */
export type Pair = readonly [cert: string, key: string]

/**
 * The certificates in these files, for a connection; nothing for none.
 *
 * Errors: MALFORMED, naming the file; the system's.
 */
export async function readCertificates(
  ca: readonly string[],
  client: readonly Pair[],
): Promise<Pick<Connection, 'ca' | 'client'>> {
  const authorities = await Promise.all(ca.map(readCertificate))
  const own = await Promise.all(
    client.map(async ([cert, key]) => ({ cert: await readCertificate(cert), key: await readKey(key || cert) })),
  )
  return { ...(authorities.length > 0 && { ca: authorities }), ...(own.length > 0 && { client: own }) }
}

/**
 * Files in a directory of Docker's: `*.crt` are authorities, `NAME.cert` with `NAME.key` is shown to the server.
 *
 * Errors: MALFORMED for half a pair.
 * Source: Docker, "Verify repository client with certificates".
 */
export async function findCertificates(
  dir: string,
): Promise<{ readonly ca: readonly string[]; readonly client: readonly Pair[] }> {
  const names = (await readdir(dir)).sort()
  const stems = (suffix: string) =>
    names.filter(name => name.endsWith(suffix)).map(name => join(dir, name.slice(0, -suffix.length)))
  const [certs, keys] = [stems('.cert'), stems('.key')]
  for (const stem of certs) if (!keys.includes(stem)) throw malformed(`${stem}.cert`, 'its .key file is missing')
  for (const stem of keys) if (!certs.includes(stem)) throw malformed(`${stem}.key`, 'its .cert file is missing')
  return { ca: stems('.crt').map(stem => `${stem}.crt`), client: certs.map(stem => [`${stem}.cert`, `${stem}.key`]) }
}

async function readCertificate(path: string): Promise<string> {
  const text = await readPem(path)
  try {
    new X509Certificate(text)
  } catch (cause) {
    throw malformed(path, 'not a certificate in PEM', cause)
  }
  return text
}

async function readKey(path: string): Promise<string> {
  const text = await readPem(path)
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(text)) throw malformed(path, 'not a private key in PEM')
  return text
}

async function readPem(path: string): Promise<string> {
  const bytes = await readFile(path).catch(error => {
    if (errnoOf(error) === 'ENOENT') throw malformed(path, 'there is no such file', error)
    throw error
  })
  if (bytes.length > maxPemBytes) throw malformed(path, 'more than 1 MiB')
  return bytes.toString()
}
