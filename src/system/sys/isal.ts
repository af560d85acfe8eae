import { gzipSync } from 'node:zlib'
import { beside, type Decoder, type Step } from './decoder.ts'
import { addressOf, loadLibrary } from './ffi.ts'

/** `struct inflate_state` has some 87 KiB (igzip_lib.h of 2.21 to 2.31). */
const STATE_BYTES = 128 << 10
/** Offsets of its members. The first ones are the library's interface; the last two are tried before they are trusted. */
const at = { nextOut: 0, availOut: 8, nextIn: 16, availIn: 32, blockState: 21160, crcFlag: 21172 } as const
const ISAL_GZIP = 1
const ISAL_BLOCK_FINISH = 5

type Binding = {
  readonly init: (state: Uint8Array) => void
  readonly reset: (state: Uint8Array) => void
  readonly inflate: { (state: bigint): number; async(...words: unknown[]): void }
}

let opener: (() => Decoder) | undefined | null = null

/**
 * Opens gzip decoders of Intel's ISA-L: twice as fast as zlib. Undefined when the machine doesn't have it, or one of
 * another shape.
 */
export function isal(): (() => Decoder) | undefined {
  if (opener === null) opener = bindIsal()
  return opener
}

function bindIsal(): (() => Decoder) | undefined {
  const library = loadLibrary('libisal.so.2')
  if (library === undefined) return undefined
  const binding: Binding = {
    init: library.func('isal_inflate_init', 'void', ['void *']),
    reset: library.func('isal_inflate_reset', 'void', ['void *']),
    inflate: library.func('isal_inflate', 'int', ['uint64_t']),
  }
  return isOfKnownShape(binding) ? () => openDecoder(binding) : undefined
}

/** Of a gzip member's header: where its flags are, and which of them mean nothing yet. */
const flagsAt = 3
const reservedFlags = 0xe0

function openDecoder(binding: Binding): Decoder {
  const state = newState(binding)
  const address = addressOf(state)
  /** Bytes of the present member that are used up. */
  let used = 0
  return {
    async step(input, output) {
      // The library doesn't look at what RFC 1952 has decoders refuse.
      const flags = used <= flagsAt ? (input[flagsAt - used] ?? 0) : 0
      if ((flags & reservedFlags) !== 0) throw new Error('libisal: unknown header flags')
      aim(state, input, output)
      const step = outcome(state, input, output, Number(await beside(binding.inflate, address)))
      used += step.read
      return step
    },
    reset() {
      used = 0
      binding.reset(state)
      state.writeUInt32LE(ISAL_GZIP, at.crcFlag)
    },
    close() {},
  }
}

function newState({ init }: Binding): Buffer {
  const state = Buffer.allocUnsafeSlow(STATE_BYTES).fill(0)
  init(state)
  state.writeUInt32LE(ISAL_GZIP, at.crcFlag)
  return state
}

function aim(state: Buffer, input: Uint8Array, output: Uint8Array): void {
  state.writeBigUInt64LE(addressOf(output), at.nextOut)
  state.writeUInt32LE(output.length, at.availOut)
  state.writeBigUInt64LE(addressOf(input), at.nextIn)
  state.writeUInt32LE(input.length, at.availIn)
}

function outcome(state: Buffer, input: Uint8Array, output: Uint8Array, result: number): Step {
  if (result < 0) throw new Error(`ISA-L finds the data corrupt (${result})`)
  return {
    read: input.length - state.readUInt32LE(at.availIn),
    written: output.length - state.readUInt32LE(at.availOut),
    ended: state.readUInt32LE(at.blockState) === ISAL_BLOCK_FINISH,
  }
}

/** Decodes a stream in two parts, and looks whether what is read of the state is what must be there. */
function isOfKnownShape(binding: Binding): boolean {
  const text = Buffer.from('the small crane that a ship carries itself')
  const packed = gzipSync(text)
  const [first, second] = [packed.subarray(0, 12), packed.subarray(12)]
  const output = Buffer.alloc(2 * text.length)
  try {
    const state = newState(binding)
    const steps: Step[] = []
    let written = 0
    for (const part of [first, second]) {
      const room = output.subarray(written)
      aim(state, part, room)
      const step = outcome(state, part, room, binding.inflate(addressOf(state)))
      steps.push(step)
      written += step.written
    }
    return steps[0]?.ended === false && steps[1]?.ended === true && output.subarray(0, written).equals(text)
  } catch {
    return false
  }
}
