import { ImageError } from '../../errors.ts'
import type { Parts } from '../../parts.ts'
import { counted, formatBytes, formatProgress } from '../../progress/format.ts'
import type { Finding } from '../../pull/findings.ts'
import type { RepairParts } from '../../pull/repair.ts'
import { snapshotterNames } from '../../rootfs/index.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import type { Context } from '../context.ts'
import { findImages } from '../find-image.ts'
import { jsonFlag, pullFlags } from '../flags.ts'
import { openSnapshotter } from '../open-snapshotter.ts'
import { errorLine } from '../report.ts'
import { formatJson } from '../table.ts'
import { registryOf } from '../typed.ts'
import { watched } from '../watch.ts'

export const verify = command({
  description:
    'Rehashes every blob, and compares indexes, snapshots, records and files with what they should be; of directory snapshots only that they are there. Exits 7 when anything is wrong, after a repair when anything still is. --repair takes away what is wrong and fetches, or makes, only that again.',
  arguments: { ref: { summary: 'Image that is here (default: everything)', many: true, optional: true } },
  flags: { repair: { summary: 'Bring again what is wrong' }, ...pullFlags, ...jsonFlag },
  async run(context, typed) {
    const references = typed.ref.map(parseReference)
    const parts = await context.look(await registryOf(context, references, typed))
    for (const reference of references) await findImages(parts, reference)
    const { verifyStore } = await import('../../pull/verify.ts')
    const wanted = references.length === 0 ? {} : { references: references.map(formatReference) }
    const repairParts = await openRepairParts(context, parts)
    const show = progressOf(context, typed.progress)
    const verification = await verifyStore(repairParts, {
      ...wanted,
      signal: context.signal,
      onProgress: show.onProgress,
    }).finally(show.end)
    const { checked, findings } = verification
    const left = !typed.repair || findings.length === 0 ? findings : await repaired()
    await context.write(typed.json ? formatJson({ checked, findings, left }) : lines(findings, left, typed.repair))
    if (left.length > 0) throw notWhole(left.length, typed.repair)
    if (!typed.json) {
      const { images, blobs, bytes, snapshots } = checked
      const [names, held, trees] = [counted(images, 'image'), counted(blobs, 'blob'), counted(snapshots, 'snapshot')]
      context.note(`checked ${names}, ${held} (${formatBytes(bytes)}), ${trees}`)
    }

    async function repaired(): Promise<readonly Finding[]> {
      const { repairStore } = await import('../../pull/repair.ts')
      return watched(context, typed.progress, onProgress =>
        repairStore(repairParts, verification, {
          ...wanted,
          signal: context.signal,
          onProgress,
          onFailure: ({ reference }, error) => context.note(`${reference}: ${errorLine(error).trimEnd()}`),
        }),
      )
    }
  },
})

async function openRepairParts(context: Context, parts: Parts): Promise<RepairParts> {
  return {
    layout: await parts.layout(),
    contentStore: await parts.contentStore(),
    images: await parts.images(),
    leases: await parts.leases(),
    workers: await parts.workers(),
    snapshotters: await Promise.all(snapshotterNames.map(name => openSnapshotter(parts, name))),
    forPull: snapshotter => parts.forPull(context.note, snapshotter ?? 'none'),
  }
}

/** A line for each finding: what, where, and what became of it. */
function lines(findings: readonly Finding[], left: readonly Finding[], repair: boolean): string {
  const isLeft = (one: Finding) => left.some(({ kind, name }) => kind === one.kind && name === one.name)
  const all = [...findings, ...left.filter(one => !findings.some(({ name }) => name === one.name))]
  return all
    .map(one => {
      const end = !repair ? '' : isLeft(one) ? ' (not repaired)' : ' (repaired)'
      return `${one.problem} ${one.kind} ${one.name}: ${one.detail}${end}\n`
    })
    .join('')
}

function notWhole(count: number, repair: boolean): ImageError {
  const things = counted(count, 'thing')
  const message = `Cannot vouch for the store: ${things} in it ${count === 1 ? 'is' : 'are'} wrong`
  const hint = repair ? 'pull again what the lines name' : 'davit verify --repair brings them again'
  return new ImageError('MALFORMED', message, { what: 'store' }, { hint })
}

/** One line that is drawn again, where somebody watches. */
function progressOf({ interactive, screen }: Context, how: string | undefined) {
  const isShown = (how ?? 'auto') === 'tty' || ((how ?? 'auto') === 'auto' && interactive)
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    onProgress(hashed: number, total: number) {
      if (!isShown || screen.now() - shownAt < 100) return
      shownAt = screen.now()
      screen.write(`\rverifying ${formatProgress(hashed, total)}\x1b[K`)
    },
    end() {
      if (isShown) screen.write('\r\x1b[K')
    },
  }
}
