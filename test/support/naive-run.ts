import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { decompress } from '../../src/layer/compression/decompress.ts'
import { TarReader } from '../../src/layer/tar/reader.ts'
import { type CorpusCase, hostile } from './corpus/index.ts'
import { plantSentinel } from './corpus/sentinel.ts'
import { NaiveExtractor } from './naive-extractor.ts'
import { dumpTree } from './tree.ts'

/** The attacks, by class and name, and whether the part of the sentinel tree that each aims at changed. */
export type Escapes = Readonly<Record<string, boolean>>

/** Run by its test, in a jail whose scratch directory is the argument: prints {@link Escapes}. */
async function main(scratch: string): Promise<void> {
  const escapes: Record<string, boolean> = {}
  let number = 0
  for (const [group, cases] of Object.entries(hostile)) {
    for (const row of cases) {
      if (row.escapes === undefined) continue
      escapes[`${group}: ${row.name}`] = await escapesFrom(join(scratch, `${number++}`), row, row.escapes)
    }
  }
  console.log(JSON.stringify(escapes))
}

async function escapesFrom(base: string, { layers }: CorpusCase, aim: string): Promise<boolean> {
  const [root, sentinel] = [join(base, 'root'), join(base, 'sentinel')]
  mkdirSync(root, { recursive: true })
  plantSentinel(sentinel)
  process.chdir(join(sentinel, 'cwd'))
  const before = aimedAt(sentinel, aim)
  try {
    for (const layer of layers(sentinel)) await extract(layer, root)
  } catch {
    // What it did until then counts.
  }
  return aimedAt(sentinel, aim) !== before
}

async function extract(layer: Uint8Array, root: string): Promise<void> {
  const reader = new TarReader(new NaiveExtractor(root))
  for await (const piece of decompress(once(layer))) reader.push(piece)
  reader.end()
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function aimedAt(sentinel: string, aim: string): string {
  return JSON.stringify(dumpTree(sentinel).find(({ path }) => path === (aim === '' ? '.' : aim)))
}

await main(process.argv[2] ?? '')
