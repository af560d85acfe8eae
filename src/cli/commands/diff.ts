import { InodeCursor } from '../../layer/tree.ts'
import { formatBytes } from '../../progress/format.ts'
import { type Change, diffImages } from '../../rootfs/diff.ts'
import type { ImageTree } from '../../rootfs/image-tree.ts'
import { command } from '../command.ts'
import { escapeName } from '../escape.ts'
import { jsonFlag, platformFlag } from '../flags.ts'
import { listingJson, nameJson } from '../listing.ts'
import { localOnly, withTree } from '../local-layers.ts'
import { jsonArray, writePaged } from '../paged.ts'

export const diff = command({
  description: `A: added, C: changed, D: removed; then by how many bytes a file grew or shrank. Times don't count. ${localOnly}`,
  arguments: { before: { summary: 'Image that is here' }, after: { summary: 'Another' } },
  flags: { ...platformFlag, ...jsonFlag },
  async run(context, { before, after, platform, json }) {
    const parts = await context.look()
    await withTree(context, parts, { ref: before, platform }, one =>
      withTree(context, parts, { ref: after, platform }, async other => {
        const changes = diffImages(one, other)
        await writePaged(context, json ? jsonArray(objects(changes, one, other)) : lines(changes, one, other))
      }),
    )
  },
})

const letters = { added: 'A', changed: 'C', removed: 'D' } as const
/** `+1.23 MB` and a little more. */
const growthWidth = 9

async function* lines(changes: AsyncIterable<Change>, one: ImageTree, other: ImageTree): AsyncGenerator<string> {
  for await (const { kind, path, differences, before, after } of changes) {
    const growth = formatGrowth(sizeAt(one, before), sizeAt(other, after)).padStart(growthWidth)
    const what = differences.length === 0 ? '' : ` (${differences.join(', ')})`
    yield `${letters[kind]} ${growth}  ${escapeName(path)}${what}\n`
  }
}

async function* objects(changes: AsyncIterable<Change>, one: ImageTree, other: ImageTree): AsyncGenerator<unknown> {
  for await (const { kind, path, differences, before, after } of changes) {
    yield {
      change: kind,
      ...nameJson('path', path),
      differences,
      before: describe(one, before, path),
      after: describe(other, after, path),
    }
  }
}

/** Undefined for what has no data of its own. */
function sizeAt({ tree }: ImageTree, node: number | undefined): number | undefined {
  if (node === undefined) return undefined
  const { type, size } = new InodeCursor(tree).at(tree.inodes[node] ?? 0)
  return type === 'file' ? size : undefined
}

function formatGrowth(before: number | undefined, after: number | undefined): string {
  if (before === undefined && after === undefined) return '-'
  const growth = (after ?? 0) - (before ?? 0)
  return `${growth < 0 ? '-' : '+'}${formatBytes(Math.abs(growth))}`
}

function describe({ tree }: ImageTree, node: number | undefined, path: Uint8Array): unknown {
  return node === undefined ? undefined : listingJson(new InodeCursor(tree).at(tree.inodes[node] ?? 0), path)
}
