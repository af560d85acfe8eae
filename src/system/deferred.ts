import type { Workers } from './workers.ts'

/** Workers that are opened when they are first asked for. What can't be opened, every task rejects with. */
export function deferredWorkers(open: () => Promise<Workers>): Workers {
  let opened: Promise<Workers> | undefined
  return {
    run(task, args, options) {
      opened ??= open()
      const started = opened.then(workers => workers.run(task, args, options))
      // Its failure is that of the result.
      const later = (act: (run: Awaited<typeof started>) => void) => void started.then(act, () => {})
      return {
        result: started.then(run => run.result),
        send: (message, transfer) => later(run => run.send(message, transfer)),
        end: () => later(run => run.end()),
      }
    },
    async close() {
      const workers = await opened?.catch(() => undefined)
      await workers?.close()
    },
  }
}
