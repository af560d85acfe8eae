import { release } from 'node:os'
import { gzipDecoder } from '../../layer/compression/gzip.ts'
import { zstdDecoder } from '../../layer/compression/zstd.ts'
import { type ErofsSupport, erofsSupport } from '../../rootfs/erofs-support.ts'
import { overlayObstacle } from '../../rootfs/overlay-support.ts'
import { version } from '../../version.ts'
import { command } from '../command.ts'
import { jsonFlag } from '../flags.ts'
import { formatJson, formatTable } from '../table.ts'

const ways = { file: 'straight from files', loop: 'through loop devices' } as const

export const info = command({
  description: 'How images would be mounted is tried, once a kernel, in the store.',
  arguments: {},
  flags: { ...jsonFlag },
  async run(context, { json }) {
    const parts = await context.open()
    const { snapshots } = await parts.layout()
    const erofs: ErofsSupport =
      process.geteuid?.() === 0 ? await erofsSupport(snapshots) : { obstacle: 'mounting needs root' }
    const overlay = overlayObstacle(snapshots)
    const facts = {
      version,
      node: process.version,
      kernel: release(),
      root: parts.settings.root,
      snapshotter: (await parts.snapshotter())?.name ?? 'none',
      erofs,
      overlayfs: overlay === undefined ? {} : { obstacle: overlay },
      decoders: { gzip: gzipDecoder(), zstd: zstdDecoder() },
    }
    if (json) return context.write(formatJson(facts))
    const rows = [
      ['davit', version],
      ['node', facts.node],
      ['kernel', facts.kernel],
      ['root', facts.root],
      ['snapshotter', facts.snapshotter],
      ['erofs', 'how' in erofs ? `mounted ${ways[erofs.how]}` : `not mounted: ${erofs.obstacle}`],
      ['overlayfs', overlay === undefined ? 'mounted' : `not mounted: ${overlay}`],
      ['gzip', `inflated by ${facts.decoders.gzip}`],
      ['zstd', `inflated by ${facts.decoders.zstd}`],
    ]
    await context.write(formatTable(rows))
  },
})
