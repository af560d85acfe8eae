import { readFile } from 'node:fs/promises'
import { parse as parseToml, TomlError } from 'smol-toml'
import * as v from 'valibot'
import { malformed, printable } from '../spec/json.ts'
import { validate } from '../spec/validate.ts'
import { durationMs } from './duration.ts'

/** Far more than hosts and their headers need. */
const maxFileBytes = 1024 * 1024

/** What a table says of one host. Paths are as they stand in the file. */
export interface HostTable {
  readonly capabilities: readonly string[] | undefined
  readonly ca: readonly string[]
  /** Pairs of files; one file for both has '' as its second. */
  readonly client: readonly (readonly [cert: string, key: string])[]
  readonly skipVerify: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly overridePath: boolean
  readonly dialTimeoutMs: number | undefined
}

export interface HostsFile {
  /** The registry itself, where it isn't where its name says. */
  readonly server: string | undefined
  /** What is said of the registry itself. */
  readonly own: HostTable
  /** Mirrors by URL, in the file's order. */
  readonly mirrors: readonly (readonly [url: string, table: HostTable])[]
}

/** A string or several. */
const list = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform(value => [value].flat()),
)

const pair = v.union([
  v.pipe(
    v.string(),
    v.transform((file): readonly [string, string] => [file, '']),
  ),
  v.tuple([v.string(), v.string()]),
])

const client = v.union([
  v.pipe(
    v.string(),
    v.transform((file): readonly (readonly [string, string])[] => [[file, '']]),
  ),
  v.array(pair),
])

const headers = v.record(
  v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'has a name that no header can have')),
  v.pipe(
    list,
    v.transform(values => values.join(', ')),
    v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'has characters that no header can have'),
  ),
)

const duration = v.pipe(
  v.string(),
  v.check(text => durationMs(text) !== undefined, 'must be a duration, like "5s"'),
  v.transform(durationMs),
)

const fields = {
  capabilities: v.optional(v.array(v.picklist(['pull', 'resolve', 'push', 'referrers']))),
  ca: v.optional(list, []),
  client: v.optional(client, []),
  skip_verify: v.optional(v.boolean(), false),
  header: v.optional(headers, {}),
  override_path: v.optional(v.boolean(), false),
  dial_timeout: v.optional(duration),
}

const tableSchema = v.object(fields)

const fileSchema = v.object({
  ...fields,
  server: v.optional(v.string()),
  host: v.optional(v.record(v.string(), tableSchema), {}),
})

/**
 * Reads a `hosts.toml`. Keys that davit doesn't know are left alone: containerd gains some with every version.
 *
 * Errors: MALFORMED, naming file and key; the system's.
 * Source: containerd, "Registry Configuration", "hosts.toml file".
 */
export async function readHostsFile(path: string): Promise<HostsFile> {
  const bytes = await readFile(path)
  if (bytes.length > maxFileBytes) throw malformed(path, 'more than 1 MiB')
  const { server, host, ...own } = validate(fileSchema, tomlIn(bytes.toString(), path), path)
  const mirrors = Object.entries(host).map(([url, table]) => [url, tableOf(table)] as const)
  return { server: server === '' ? undefined : server, own: tableOf(own), mirrors }
}

function tomlIn(text: string, path: string): unknown {
  try {
    return parseToml(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [first = ''] = error.message.split('\n')
    throw malformed(path, `line ${error.line}: ${printable(first.replace('Invalid TOML document: ', ''))}`, error)
  }
}

function tableOf(table: v.InferOutput<typeof tableSchema>): HostTable {
  return {
    capabilities: table.capabilities,
    ca: table.ca,
    client: table.client,
    skipVerify: table.skip_verify,
    headers: table.header,
    overridePath: table.override_path,
    dialTimeoutMs: table.dial_timeout,
  }
}
