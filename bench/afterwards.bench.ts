/**
 * What can be done with an image once it is here: davit against what is installed, in interleaved runs. As root.
 *
 * usage: node build/bench/afterwards.bench.js REFERENCE …     as support/options.ts has it
 *
 * Prints medians of seconds: pulling it again, mounting it, reading every file with cold and with warm caches, removing
 * it with all that it took.
 */
import { measure } from './support/measure.ts'
import { readOptions, shell } from './support/options.ts'
import { median, table } from './support/statistics.ts'

const steps = ['pull again', 'mount', 'read cold', 'read warm', 'remove'] as const
type Times = Record<(typeof steps)[number], number[]>

const { reference, runs, view, present } = readOptions()
const read = `find ${view} -xdev -type f -exec cat {} + > /dev/null`
const results = new Map<string, Times>()

for (let run = 1; run <= runs; run++) {
  for (const { name, pull, reset, afterwards } of present) {
    if (afterwards === undefined) continue
    const { mount, unmount, remove } = afterwards
    const times = results.get(name) ?? { 'pull again': [], mount: [], 'read cold': [], 'read warm': [], remove: [] }
    results.set(name, times)
    const time = async (step: keyof Times, command: string) => {
      const { seconds } = await measure(command)
      times[step].push(seconds)
      console.error(`run ${run}  ${name}  ${step}  ${seconds.toFixed(2)} s`)
    }
    shell(reset)
    await measure(pull)
    await time('pull again', pull)
    await time('mount', mount)
    shell('sync; echo 3 > /proc/sys/vm/drop_caches')
    await time('read cold', `sh -c '${read}'`)
    await time('read warm', `sh -c '${read}'`)
    await measure(unmount)
    await time('remove', remove)
    shell(reset)
  }
}

const rows = [...results].map(([name, times]) => [name, ...steps.map(step => median(times[step]).toFixed(2))])
console.log(`${reference}, ${runs} interleaved runs, medians of seconds`)
console.log(table([['', ...steps], ...rows]))
