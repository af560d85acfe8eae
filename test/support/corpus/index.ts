import { attributes } from './attributes.ts'
import { type CorpusCase, casesOf } from './case.ts'
import { hardlinks } from './hardlinks.ts'
import { metadata } from './metadata.ts'
import { names } from './names.ts'
import { oddLayers } from './odd-layers.ts'
import { oddStreams } from './odd-streams.ts'
import { oddTars } from './odd-tars.ts'
import { sparse } from './sparse.ts'
import { streams } from './streams.ts'
import { symlinks } from './symlinks.ts'
import { whiteouts } from './whiteouts.ts'

export type { CorpusCase } from './case.ts'

/** Attacks by class. */
export const hostile: Readonly<Record<string, readonly CorpusCase[]>> = {
  names: casesOf(names),
  symlinks: casesOf(symlinks),
  hardlinks: casesOf(hardlinks),
  whiteouts: casesOf(whiteouts),
  attributes: casesOf(attributes),
  metadata: casesOf(metadata),
  sparse: casesOf(sparse),
  streams: casesOf(streams),
}

/** Odd and right, by class. */
export const odd: Readonly<Record<string, readonly CorpusCase[]>> = {
  tars: casesOf(oddTars),
  layers: casesOf(oddLayers),
  streams: casesOf(oddStreams),
}
