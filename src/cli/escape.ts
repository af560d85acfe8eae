const named: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  ' ': '\\ ',
  '\\': '\\\\',
}

/** What terminals obey, what ends a line, and what shows one name as another; U+FFFD: bytes that are no UTF-8. */
const unsafe = /[\u0000-\u0020\\\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/gu

/**
 * A name out of an image, for people: on one line, harmless, and to be told from every other. As `ls -b` does: `\n`,
 * `\ `, `\\`, and any other byte in octal.
 */
export function escapeName(name: Uint8Array): string {
  const bytes = Buffer.from(name)
  const text = bytes.toString()
  if (!text.includes('\ufffd')) return text.replace(unsafe, escapeCharacter)
  // Not UTF-8, or not all of it: byte by byte what is no ASCII.
  return bytes
    .toString('latin1')
    .replace(/[^\x21-\x7e]|\\/g, character => named[character] ?? octal(character.charCodeAt(0)))
}

function escapeCharacter(character: string): string {
  return named[character] ?? [...Buffer.from(character)].map(octal).join('')
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, '0')}`
}
