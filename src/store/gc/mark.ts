/** What can be collected: a blob by digest, a snapshot by `<snapshotter>/<key>`. */
export type Node = `content:${string}` | `snapshot:${string}`

/**
 * Everything that `roots` reach along `refs`, themselves included.
 *
 * An edge may lead to what isn't there: platforms that were never fetched are referenced too.
 */
export function mark(roots: Iterable<Node>, refs: (node: Node) => Iterable<Node>): ReadonlySet<Node> {
  const reached = new Set(roots)
  // A set's iterator meets what is added on the way.
  for (const node of reached) {
    for (const next of refs(node)) reached.add(next)
  }
  return reached
}
