import { assertSameTree, dumpTree, type TreeNode } from '../support/tree.ts'
import type { Ended, Errno, Fault } from './at-call.ts'
import { flawsOf } from './flaws.ts'
import type { Lane } from './lane.ts'
import type { Scenario } from './scenarios.ts'
import { storeState } from './store-state.ts'

/** More than this of what was on disk is never fetched again. */
const REFETCHED_BYTES = 1 << 20

export interface Trial {
  /** Where it happened; undefined when the command was over before. */
  readonly hit: Ended['hit']
  readonly status: number | null
  /** What doesn’t hold; nothing, in good software. */
  readonly problems: readonly string[]
}

/** Disturbs a command, and looks whether everything holds that davit promises. */
export async function tryFault(lane: Lane, scenario: Scenario, fault: Fault): Promise<Trial> {
  const expected = await lane.expected(scenario)
  await lane.reset(scenario)
  const words = lane.words(scenario)
  const ended = await lane.disturb(words, fault)
  if (fault.what === 'shutdown') lane.disk?.restart()
  const problems = [...endFlaws(ended, fault)]
  const look = (when: string) => problems.push(...flawsOf(lane.root).map(flaw => `${when}: ${flaw}`))
  look('afterwards')

  const allowed = lane.missing() + REFETCHED_BYTES
  const fetched = lane.countFetched()
  const again = ended.status === 0 || isDone(scenario, lane) ? ended : await lane.run(words)
  if (again !== ended) {
    if (again.status !== 0) problems.push(`the next run fails (${again.status}): ${again.stderr.trim()}`)
    else if (again.stdout !== expected.stdout && words[0] !== 'gc') problems.push(`the next run prints ${again.stdout}`)
    if (fetched() > allowed) problems.push(`the next run fetches ${fetched()} bytes, ${allowed} would be allowed`)
    look('after the next run')
  }

  // Layer indexes are made again from their tars, once they are needed.
  const isLost = ({ path }: TreeNode) => fault.what === 'shutdown' && path.startsWith('indexes/')
  const compared = (store: readonly TreeNode[]) => store.filter(node => !isLost(node))
  const collected = await lane.run(['gc'])
  if (collected.status !== 0) problems.push(`gc fails (${collected.status}): ${collected.stderr.trim()}`)
  look('after gc')
  try {
    assertSameTree(compared(storeState(lane.root)), compared(expected.store), 'the stores after gc')
    if (expected.target !== undefined) assertSameTree(dumpTree(lane.target), expected.target, 'the targets')
  } catch (error) {
    problems.push(String(error instanceof Error ? error.message : error))
  }
  return { hit: ended.hit, status: ended.status, problems }
}

/** Names are removed once: a second run says that there is none. */
function isDone({ name }: Scenario, lane: Lane): boolean {
  return name === 'remove' && !storeState(lane.root).some(({ path }) => /^images\/.*\.json$/.test(path))
}

const statuses: Readonly<Record<Errno, number>> = { ENOSPC: 9, EDQUOT: 9, EIO: 1, EMFILE: 1, EACCES: 11, EROFS: 11 }

/** How the disturbed run may end: killed, as it should be; with the error’s status and one line; or not minding it. */
function* endFlaws({ hit, status, stderr, alive }: Ended, { what }: Fault): Generator<string> {
  if (alive) yield 'something of it stays alive'
  if (hit === undefined || what === 'kill-child' || status === 0) {
    if (what !== 'kill-child' && status !== 0) yield `undisturbed, it ends with ${status}: ${stderr}`
    return
  }
  if (what === 'kill' || what === 'shutdown') return
  // LMDB may die of an error in its own calls: where it can’t open or make its files (davit looks beforehand, and only what
  // comes in between is left), and of a failed write, whose message it has too little room for. Nothing is committed then.
  if (status === null && /\/db\/(?:lock|data)\.mdb$/.test(hit.path)) return
  if (status !== statuses[what]) yield `${what} makes it end with ${status}: ${stderr.trim()}`
  // LMDB speaks for itself before it says so to davit, not always in a line of its own.
  const lines = stderr
    .replace(/^Write error: .* position \d+, size \d+/m, '')
    .trimEnd()
    .split('\n')
  const own = /\/lmdb\/write\.js|^mdb_|\bmdb_page_/m.test(stderr) ? lines.slice(-1) : lines
  if (own.length !== 1 || !own[0]?.startsWith('davit: ')) yield `${what} makes it say: ${stderr}`
}
