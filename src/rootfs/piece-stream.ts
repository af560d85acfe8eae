import { Inbox } from '../system/inbox.ts'
import type { Channel, Task, Workers } from '../system/workers.ts'

/** Pieces of half a MiB or a little more on their way at a time. */
const piecesAhead = 4

/** A task that sends a stream piece by piece, one for each message that it gets. */
export type PieceTask<Args> = Task<Args, true, Uint8Array, void>

/** The worker's end: sends `pieces`, each valid until the next, as they are asked for. */
export async function sendPieces(
  pieces: Iterable<Uint8Array>,
  { next, send }: Channel<true, Uint8Array>,
): Promise<void> {
  for (const piece of pieces) {
    if ((await next()) === undefined) return
    const copy = piece.slice()
    send(copy, [copy.buffer])
  }
}

/** The stream that a worker makes. Errors: the task's. */
export async function* receivePieces<Args>(
  workers: Workers,
  task: PieceTask<Args>,
  args: Args,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const inbox = new Inbox<Uint8Array>()
  const run = workers.run(task, args, { signal, onMessage: piece => inbox.push(piece) })
  run.result.then(
    () => inbox.end(),
    error => inbox.fail(error),
  )
  for (let ahead = 0; ahead < piecesAhead; ahead++) run.send(true)
  try {
    for (let piece = await inbox.next(); piece !== undefined; piece = await inbox.next()) {
      yield piece
      run.send(true)
    }
  } finally {
    run.end()
    await run.result.catch(() => {})
  }
}
