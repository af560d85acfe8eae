import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../../src/spec/digest.ts'
import { dumpTree, type TreeNode } from '../support/tree.ts'

/**
 * Everything that a store consists of, but for what differs from one run to the next: times and passing keys in records and
 * with them their checksums, times of files that are no image’s, and the database, which only davit reads.
 */
export function storeState(root: string): readonly TreeNode[] {
  return dumpTree(root)
    .filter(({ path }) => !path.startsWith('db/'))
    .map(node => {
      const isWhiteout = node.device === '0:0'
      if (!isWhiteout && /^snapshots\/[^/]+\/fs(\/|$)/.test(node.path)) return node
      const { time: _, ...rest } = node
      if (!node.path.endsWith('.json')) return { ...rest, time: '' }
      const { size: __, ...described } = rest
      return { ...described, time: '', sha256: digestOf(withoutChance(readFileSync(join(root, node.path), 'utf8'))) }
    })
}

function withoutChance(json: string): string {
  return json
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/"(stack|extract)-[0-9a-f]+ /g, '"KEY ')
    .replaceAll(/"checksum": "[0-9a-f]+"/g, '"checksum": "OF ALL THIS"')
}
