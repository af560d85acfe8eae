import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mark, type Node } from '../../../src/store/gc/mark.ts'

const node = fc
  .nat({ max: 30 })
  .map((number): Node => (number % 3 === 0 ? `snapshot:s/${number}` : `content:${number}`))
const graph = fc.record({
  roots: fc.array(node, { maxLength: 5 }),
  edges: fc.array(fc.tuple(node, node), { maxLength: 80 }),
})

test('mark() reaches what a naive closure reaches, and no more', () => {
  fc.assert(
    fc.property(graph, ({ roots, edges }) => {
      const targets = (from: Node) => edges.filter(edge => edge[0] === from).map(edge => edge[1])
      assert.deepEqual(new Set(mark(roots, targets)), naiveClosure(roots, edges))
    }),
    { numRuns: 1000 },
  )
})

test('mark() asks about each node once, however deep or cyclic', () => {
  const length = 200_000
  const asked: Node[] = []
  const reached = mark(['content:0'], from => {
    asked.push(from)
    return [`content:${(Number(from.slice(8)) + 1) % length}`]
  })
  assert.equal(reached.size, length)
  assert.equal(asked.length, length)
})

/** Follows every edge again and again until nothing changes. */
function naiveClosure(roots: readonly Node[], edges: readonly (readonly [Node, Node])[]): ReadonlySet<Node> {
  const reached = new Set(roots)
  for (let before = -1; before !== reached.size; ) {
    before = reached.size
    for (const [from, to] of edges) if (reached.has(from)) reached.add(to)
  }
  return reached
}
