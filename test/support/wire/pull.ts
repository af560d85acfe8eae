/** Pulls what a lab serves, through the library in this process or by the command line in one of its own. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setInterval } from 'node:timers'
import { exitStatus, statusOf } from '../../../src/cli/exit-status.ts'
import { ImageError } from '../../../src/errors.ts'
import { openParts } from '../../../src/parts.ts'
import { type PullParts, pullImage } from '../../../src/pull/pull.ts'
import { openResolver, type ResolverOptions } from '../../../src/registry/client.ts'
import type { Limits } from '../../../src/registry/limits.ts'
import { parseReference } from '../../../src/spec/reference.ts'
import { openFsStore } from '../../../src/store/content/fs.ts'
import { memoryLabels } from '../../../src/store/content/labels.ts'
import { openFsImages } from '../../../src/store/fs-images.ts'
import { openFsLeases } from '../../../src/store/fs-leases.ts'
import { openMemoryBlobMapping } from '../../../src/store/memory-blob-mapping.ts'
import { openRoot } from '../../../src/store/root.ts'
import { inlineWorkers } from '../../../src/system/inline.ts'
import { davit } from '../../cli/davit.ts'
import { amd64 } from '../image.ts'
import type { Lab } from './lab.ts'

export interface Outcome {
  /** Exit status of the command, or what the error would give. */
  readonly exit: number | null
  readonly code: string | undefined
  /** The error as people see it. */
  readonly message: string
  /** All that was said: message, hint, details, progress. */
  readonly text: string
  readonly ms: number
  /** Of the process: how much it grew, or for the command its peak. */
  readonly memoryMiB: number
}

export interface PullSettings {
  readonly limits?: Partial<Limits>
  readonly resolver?: ResolverOptions
  readonly snapshotter?: string
  /** Further flags of the command. */
  readonly flags?: readonly string[]
}

/** Nothing here takes longer, unless it hangs. */
export const hangMs = 30_000

/** Long enough for a busy machine, short enough for a test. */
export const limits: Partial<Limits> = {
  connectMs: 5_000,
  headersMs: 3_000,
  idleMs: 3_000,
  backoffMs: [5, 10],
  retryAfterMs: 3_000,
}

export async function pullByLibrary(lab: Lab, settings: PullSettings = {}): Promise<Outcome> {
  const authFiles = [join(lab.docker, 'config.json')]
  const parts = openParts({ root: lab.root, authFiles, snapshotter: settings.snapshotter ?? 'none' })
  const options = {
    authFiles,
    hostsDirs: [lab.hostsDir],
    allowHosts: lab.allowed,
    ...settings.resolver,
    limits: { ...limits, ...settings.limits },
  }
  const resolver = openResolver(options)
  const said: unknown[] = []
  const memory = watchMemory()
  const begun = performance.now()
  const done = (exit: number, error?: unknown): Outcome => ({
    exit,
    ms: performance.now() - begun,
    memoryMiB: memory.stop(),
    ...wordsOf(error, said),
  })
  try {
    const reference = parseReference(`${lab.front}/${lab.name}`)
    await pullImage({ ...(await (parts?.forPull() ?? plainParts(lab.root))), resolver }, reference, {
      platform: amd64,
      signal: AbortSignal.timeout(hangMs),
      onProgress: event => said.push(event),
    })
    return done(exitStatus.ok)
  } catch (error) {
    return done(statusOf(error), error)
  } finally {
    await resolver.close()
    await parts?.close()
  }
}

/** A store on disk as ever, but without threads and a database: nothing is unpacked, and starting them takes longer. */
function plainParts(root: string): Omit<PullParts, 'resolver'> {
  const layout = openRoot(root)
  const workers = inlineWorkers()
  return {
    contentStore: openFsStore({ layout, labels: memoryLabels(), workers }),
    images: openFsImages(layout),
    leases: openFsLeases(layout),
    blobMapping: openMemoryBlobMapping(),
    applier: {
      open() {
        throw new Error('nothing is unpacked')
      },
    },
  }
}

export async function pullByCommand(lab: Lab, settings: PullSettings = {}): Promise<Outcome> {
  const memoryFile = join(lab.docker, 'memory')
  const noteMemory = `import { writeFileSync } from 'node:fs'
    process.on('exit', () => writeFileSync(${JSON.stringify(memoryFile)}, String(process.resourceUsage().maxRSS)))`
  const authorityFile = lab.trust()
  const begun = performance.now()
  const { status, stderr, stdout } = await davit(
    [
      ...['pull', '--platform', 'linux/amd64', '--snapshotter', settings.snapshotter ?? 'none', '--progress', 'json'],
      ...['--hosts-dir', lab.hostsDir, ...lab.allowed.flatMap(host => ['--allow-host', host])],
      ...(settings.flags ?? []),
      `${lab.front}/${lab.name}`,
    ],
    {
      root: lab.root,
      env: {
        DOCKER_CONFIG: lab.docker,
        NODE_EXTRA_CA_CERTS: authorityFile,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(noteMemory)}`,
      },
    },
  )
  const last = lastError(stderr)
  return {
    exit: status,
    code: last?.code,
    message: last?.message ?? '',
    text: stderr + stdout,
    ms: performance.now() - begun,
    memoryMiB: existsSync(memoryFile) ? Number(readFileSync(memoryFile, 'utf8')) / 1024 : Number.NaN,
  }
}

export function wordsOf(error: unknown, said: readonly unknown[]): Pick<Outcome, 'code' | 'message' | 'text'> {
  const progress = said.map(event => JSON.stringify(event)).join('\n')
  if (error === undefined) return { code: undefined, message: '', text: progress }
  if (!(error instanceof ImageError)) return { code: undefined, message: String(error), text: `${error}\n${progress}` }
  const { code, message, hint = '', details } = error
  return { code, message, text: [message, hint, JSON.stringify(details), progress].join('\n') }
}

function lastError(stderr: string): { readonly code: string; readonly message: string } | undefined {
  const line = stderr.trimEnd().split('\n').at(-1) ?? ''
  return line.startsWith('{"') && line.includes('"type":"error"') ? JSON.parse(line) : undefined
}

function watchMemory(): { stop(): number } {
  const before = process.memoryUsage.rss()
  let peak = before
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 50)
  return {
    stop() {
      look()
      clearInterval(timer)
      return (peak - before) / 2 ** 20
    },
  }
}
