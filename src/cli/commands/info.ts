import { existsSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { release } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { gzipDecoder } from '../../layer/compression/gzip.ts'
import { zstdDecoder } from '../../layer/compression/zstd.ts'
import type { Parts } from '../../parts.ts'
import { type ErofsSupport, erofsSupport } from '../../rootfs/erofs-support.ts'
import { overlayObstacle } from '../../rootfs/overlay-support.ts'
import { diskError } from '../../system/disk-error.ts'
import { version } from '../../version.ts'
import { command } from '../command.ts'
import { isAbsent } from '../empty-store.ts'
import { jsonFlag } from '../flags.ts'
import { formatJson, formatTable } from '../table.ts'

const ways = { file: 'straight from files', loop: 'through loop devices' } as const

export const info = command({
  description:
    'How images would be mounted is tried, once a kernel, in the store; beside it, as long as there is none, each time.',
  arguments: {},
  flags: { ...jsonFlag },
  async run(context, { json }) {
    const { root } = context.settings
    const trial = isAbsent(root) ? makeDirectoryNear(root) : undefined
    try {
      const facts = await factsOf(await context.open(trial === undefined ? {} : { root: trial }), root)
      await context.write(json ? formatJson(facts) : formatTable(rowsOf(facts, trial === undefined)))
    } finally {
      await context.close()
      if (trial !== undefined) await rm(trial, { recursive: true, force: true })
    }
  },
})

/** On the file system where the store would be. */
function makeDirectoryNear(root: string): string {
  let near = dirname(resolve(root))
  while (!existsSync(near)) near = dirname(near)
  try {
    return mkdtempSync(join(near, '.davit-'))
  } catch (error) {
    throw diskError(error, near)
  }
}

async function factsOf(parts: Parts, root: string) {
  const { snapshots } = await parts.layout()
  const erofs: ErofsSupport =
    process.geteuid?.() === 0 ? await erofsSupport(snapshots) : { obstacle: 'mounting needs root' }
  const overlay = overlayObstacle(snapshots)
  return {
    version,
    node: process.version,
    kernel: release(),
    root,
    snapshotter: (await parts.snapshotter())?.name ?? 'none',
    erofs,
    overlayfs: overlay === undefined ? {} : { obstacle: overlay },
    decoders: { gzip: gzipDecoder(), zstd: zstdDecoder() },
  }
}

function rowsOf(
  { node, kernel, root, snapshotter, erofs, overlayfs, decoders }: Awaited<ReturnType<typeof factsOf>>,
  isStore: boolean,
): string[][] {
  return [
    ['davit', version],
    ['node', node],
    ['kernel', kernel],
    ['root', isStore ? root : `${root} (made by the first pull)`],
    ['snapshotter', snapshotter],
    ['erofs', 'how' in erofs ? `mounted ${ways[erofs.how]}` : `not mounted: ${erofs.obstacle}`],
    ['overlayfs', 'obstacle' in overlayfs ? `not mounted: ${overlayfs.obstacle}` : 'mounted'],
    ['gzip', `inflated by ${decoders.gzip}`],
    ['zstd', `inflated by ${decoders.zstd}`],
  ]
}
