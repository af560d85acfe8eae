import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ListedEntry, type Listing, unknown } from './listing.ts'

/** Another reader of tars, for several files at once. */
export interface Peer {
  readonly name: 'gnu' | 'python' | 'go'
  list(files: readonly string[]): Listing[]
}

// Tests run from build/, where only compiled files are.
const source = (path: string): string => fileURLToPath(new URL(`../../../test/fuzz/${path}`, import.meta.url))

export const gnu: Peer = { name: 'gnu', list: files => files.map(listByGnu) }

export const python: Peer = {
  name: 'python',
  list: files => linesOf(execFileSync('python3', [source('list-tar.py'), ...files], { encoding: 'utf8' })),
}

/** Go's archive/tar, by a program that is compiled to `binary` first. */
export function buildGo(binary: string): Peer {
  execFileSync('go', ['build', '-o', binary, source('list-tar/main.go')], {
    env: { ...process.env, GO111MODULE: 'off' },
  })
  return { name: 'go', list: files => linesOf(execFileSync(binary, files, { encoding: 'utf8' })) }
}

function linesOf(output: string): Listing[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line): Listing => JSON.parse(line))
}

const environment = { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' }
const listFlags = ['--numeric-owner', '--full-time', '--quoting-style=c']

/** Nothing is extracted: data goes to the standard output. */
function listByGnu(file: string): Listing {
  const listed = spawnSync('tar', ['-tvPf', file, ...listFlags], { encoding: 'utf8', env: environment })
  const read = spawnSync('tar', ['-xOPf', file], { env: environment, maxBuffer: 2 ** 27 })
  if (listed.status !== 0) return { entries: [], content: '', error: listed.stderr || 'no status' }
  const lines = listed.stdout.split('\n').filter(line => line !== '')
  const entries = lines.map(parseLine)
  return { entries, content: isPlain(file) ? createHash('sha256').update(read.stdout).digest('hex') : unknown }
}

/** Without sparse files: to leave holes it seeks, which a pipe refuses or ignores. */
function isPlain(file: string): boolean {
  const tar = readFileSync(file)
  for (let at = 0; at < tar.length; at += 512) if (tar[at + 156] === 0x53) return false
  return !tar.includes('GNU.sparse.')
}

const types: Readonly<Record<string, string>> = {
  '-': 'file',
  C: 'file',
  d: 'directory',
  l: 'symlink',
  h: 'hardlink',
  c: 'character',
  b: 'block',
  p: 'fifo',
}
const text = '("(?:[^"\\\\]|\\\\.)*")'
const pattern = new RegExp(
  `^(.)(.{9}) (-?\\d+)/(-?\\d+) +([\\d,]+) +(\\S+) (\\S+) +${text}(?:(?: -> | link to )${text})?$`,
)

function parseLine(line: string): ListedEntry {
  const [, letter = '', mode = '', uid, gid, size = '', day = '', time = '', path = '', link = '""'] =
    pattern.exec(line) ?? []
  const type = types[letter] ?? `of letter ${letter || line}`
  return {
    type,
    path: unquote(path).replace(/\/+$/, ''),
    link: unquote(link),
    mode: parseMode(mode),
    uid: Number(uid),
    gid: Number(gid),
    // Years of five digits are later than any time that is kept.
    seconds: day.length > 10 ? Number.POSITIVE_INFINITY : Math.floor(Date.parse(`${day}T${time}Z`) / 1000),
    size: type === 'file' ? Number(size) : 0,
    device: type === 'character' || type === 'block' ? size.replace(',', ':') : '',
  }
}

/** `rwsr-xr-T` and the like. */
function parseMode(letters: string): number {
  const bits = [...letters].map(letter => (/[rwxst]/.test(letter) ? '1' : '0')).join('')
  const high = [2, 5, 8].map(at => (/[sStT]/.test(letters[at] ?? '') ? '1' : '0')).join('')
  return Number.parseInt(high + bits, 2)
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
}

function unquote(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
    )
}
