import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { anyTar } from './any-tar.ts'
import { davitListing } from './listing.ts'
import type { Peer } from './peers.ts'
import { Random } from './random.ts'
import { judge, type Verdict } from './verdict.ts'

/** What came of some archives: how many of each verdict, and what each finding is. */
export interface Round {
  readonly counts: Partial<Record<Verdict, number>>
  readonly findings: readonly string[]
}

/** Archives of the seeds from `first`, as davit and its peers read them. `scratch` is a directory for their files. */
export function tarRound(scratch: string, peers: readonly Peer[], first: number, count: number): Round {
  const seeds = Array.from({ length: count }, (_, i) => first + i)
  const tars = seeds.map(seed => anyTar(new Random(seed)))
  const files = tars.map((tar, i) => {
    const file = join(scratch, `${i}.tar`)
    writeFileSync(file, tar)
    return file
  })
  const lists = peers.map(peer => ({ peer: peer.name, listings: peer.list(files) }))
  const counts: Partial<Record<Verdict, number>> = {}
  const findings: string[] = []
  for (const [i, tar] of tars.entries()) {
    const davit = davitListing(tar)
    const opinions = lists.map(({ peer, listings }) => {
      const listing = listings[i]
      if (listing === undefined) throw new Error(`${peer} says nothing of seed ${seeds[i]}`)
      return { peer, listing }
    })
    const verdict = judge(tar, davit, opinions)
    counts[verdict] = (counts[verdict] ?? 0) + 1
    if (verdict !== 'finding') continue
    const said = opinions.map(({ peer, listing }) => `${peer}: ${inShort(listing)}`)
    findings.push([`seed ${seeds[i]}: davit: ${inShort(davit)}`, ...said].join('\n    '))
  }
  return { counts, findings }
}

function inShort({ entries, content, error }: ReturnType<typeof davitListing>): string {
  if (error !== undefined) return `refused: ${error.trim().split('\n')[0]}`
  return JSON.stringify([content.slice(0, 8), ...entries.map(entry => Object.values(entry).join(' '))])
}
