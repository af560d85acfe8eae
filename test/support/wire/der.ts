/** The few DER structures that certificates are made of (ITU-T X.690). */
export type Der = Buffer

export function sequence(...parts: readonly Der[]): Der {
  return tagged(0x30, Buffer.concat(parts))
}

export function set(...parts: readonly Der[]): Der {
  return tagged(0x31, Buffer.concat(parts))
}

/** A positive number. */
export function integer(bytes: Uint8Array): Der {
  const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0
  return tagged(0x02, Buffer.concat([Buffer.alloc(isNegative ? 1 : 0), bytes]))
}

/** `2.5.4.3` */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

export function utf8(text: string): Der {
  return tagged(0x0c, Buffer.from(text))
}

export function boolean(value: boolean): Der {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]))
}

export function bits(bytes: Uint8Array): Der {
  return tagged(0x03, Buffer.concat([Buffer.alloc(1), bytes]))
}

export function octets(bytes: Uint8Array): Der {
  return tagged(0x04, bytes)
}

export function utcTime(date: Date): Der {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/\D/g, '')
  return tagged(0x17, Buffer.from(`${digits.slice(2)}Z`))
}

/** A value under a tag of its context; `constructed` when it holds other values. */
export function context(tag: number, bytes: Uint8Array, constructed = true): Der {
  return tagged((constructed ? 0xa0 : 0x80) | tag, bytes)
}

function tagged(tag: number, bytes: Uint8Array): Der {
  return Buffer.concat([Buffer.from([tag, ...lengthOf(bytes)]), bytes])
}

function lengthOf({ length }: Uint8Array): number[] {
  if (length < 0x80) return [length]
  const digits = length > 0xff ? [length >> 8, length & 0xff] : [length]
  return [0x80 | digits.length, ...digits]
}

function base128(number: number): number[] {
  const digits = [number & 0x7f]
  for (let rest = number >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80)
  return digits
}
