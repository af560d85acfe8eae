import { execFileSync, spawnSync } from 'node:child_process'
import { ImageError } from '../../src/errors.ts'
import type { Compression } from '../../src/layer/compression/compression.ts'
import { fzstd } from '../../src/layer/compression/fzstd.ts'
import { gzip, gzipBy, inflateByNode } from '../../src/layer/compression/gzip.ts'
import { zstd, zstdBy } from '../../src/layer/compression/zstd.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { anyGzip, anyZstd } from './any-stream.ts'
import { Random } from './random.ts'

type Unpack = (bytes: Buffer, cut: number) => Promise<string>

const inGzip = [decoded(gzip), decoded(gzipBy(inflateByNode))] as const
/** What zstd(1) says stands for the format; it uses the same library, and finds the frames by itself. */
const inZstd = [decoded(zstd), byProgram] as const
/** Checks less than the others, so that of damaged streams it may make something. */
const lenient = decoded(zstdBy(fzstd))

/** What is refused though zstd(1) takes it: it looks for less than the format asks for. */
const stricter = /an unknown flag/

/** Frames with and without a checksum, with matches, literals and tables. */
export function zstdSamples(): readonly [Buffer, ...Buffer[]] {
  const pack = (text: string, ...flags: string[]): Buffer =>
    execFileSync('zstd', ['-cq', ...flags], { input: text, stdio: ['pipe', 'pipe', 'inherit'] })
  const prose = Array.from({ length: 400 }, (_, i) => `entry ${i * 7919} of a layer\n`).join('')
  return [pack(prose), pack(prose, '-19'), pack(prose, '--no-check'), pack('davit '.repeat(50), '--no-check', '-1')]
}

export interface StreamRound {
  readonly counts: Readonly<Record<'unpacked' | 'refused', number>>
  readonly findings: readonly string[]
}

/** What the decoders make of the streams of the seeds from `first`: the same bytes, or nothing. */
export async function streamRound(
  samples: readonly [Buffer, ...Buffer[]],
  first: number,
  count: number,
): Promise<StreamRound> {
  const counts = { unpacked: 0, refused: 0 }
  const findings: string[] = []
  for (let seed = first; seed < first + count; seed++) {
    const random = new Random(seed)
    const isGzip = random.once(2)
    const { bytes, isDamaged } = isGzip ? anyGzip(random) : anyZstd(random, samples)
    const cut = random.below(bytes.length + 1)
    const [ours, theirs] = await Promise.all((isGzip ? inGzip : inZstd).map(unpack => unpack(bytes, cut)))
    const last = isGzip ? ours : await lenient(bytes, cut)
    if (ours === undefined || theirs === undefined) throw new Error('two decoders, one answer')
    counts[isRefusal(ours) ? 'refused' : 'unpacked']++
    const agree = ours === theirs || (isRefusal(ours) && (isRefusal(theirs) || stricter.test(ours)))
    if (agree && (isDamaged || ours === last)) continue
    const begin = bytes.toString('hex').slice(0, 200)
    findings.push(`seed ${seed} ${isGzip ? 'gzip' : 'zstd'} ${begin}: ${[ours, theirs, last].join(' | ')}`)
  }
  return { counts, findings }
}

function isRefusal(outcome: string): boolean {
  return outcome.startsWith('refused')
}

/** Errors that aren't the stream's fault are thrown. */
function decoded({ decompress }: Compression): Unpack {
  return async (bytes, cut) => {
    const pieces: Uint8Array[] = []
    try {
      for await (const piece of decompress(inTwo(bytes, cut))) pieces.push(piece)
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      return `refused: ${error.message}`
    }
    return inShort(Buffer.concat(pieces))
  }
}

async function byProgram(bytes: Buffer): Promise<string> {
  const { status, stdout } = spawnSync('zstd', ['-dcq'], { input: bytes })
  return status === 0 ? inShort(stdout) : 'refused'
}

function inShort(whole: Buffer): string {
  return `${whole.length} bytes, ${digestOf(whole).slice(7, 15)}`
}

async function* inTwo(bytes: Buffer, cut: number): AsyncGenerator<Uint8Array> {
  yield Uint8Array.from(bytes.subarray(0, cut))
  yield Uint8Array.from(bytes.subarray(cut))
}
