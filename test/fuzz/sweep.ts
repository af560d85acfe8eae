import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildGo, gnu, python } from './peers.ts'
import { streamRound, zstdSamples } from './stream-round.ts'
import { tarRound } from './tar-round.ts'

// npm run test:fuzz -- [--seconds N] [--seed N]: new archives and compressed streams until the time is over; prints counts and findings.
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '100000' } },
})
const batch = 200
const scratch = mkdtempSync(join(tmpdir(), 'davit-sweep-'))
try {
  const peers = [gnu, python, buildGo(join(scratch, 'list-tar'))]
  const end = Date.now() + 1000 * Number(values.seconds)
  const samples = zstdSamples()
  const totals: Record<string, number> = {}
  let findings = 0
  let seed = Number(values.seed)
  for (; Date.now() < end; seed += batch) {
    for (const round of [tarRound(scratch, peers, seed, batch), await streamRound(samples, seed, batch)]) {
      for (const [verdict, count] of Object.entries(round.counts)) totals[verdict] = (totals[verdict] ?? 0) + count
      for (const finding of round.findings) console.log(finding)
      findings += round.findings.length
    }
  }
  console.log(`archives and streams of the seeds ${values.seed}…${seed - 1}: ${JSON.stringify(totals)}`)
  process.exitCode = findings > 0 ? 1 : 0
} finally {
  rmSync(scratch, { recursive: true })
}
