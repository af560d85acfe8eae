import type { Context } from './context.ts'

/** A write costs a system call, whatever its length. */
const pageLength = 2 ** 16

/** Writes many short texts, or bytes, a page at a time. */
export async function writePaged(
  context: Context,
  texts: AsyncIterable<string | Buffer> | Iterable<string | Buffer>,
): Promise<void> {
  let page: Buffer[] = []
  let length = 0
  const flush = async () => {
    context.signal.throwIfAborted()
    if (length > 0) await context.write(Buffer.concat(page))
    page = []
    length = 0
  }
  for await (const text of texts) {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    page.push(bytes)
    length += bytes.length
    if (length >= pageLength) await flush()
  }
  await flush()
}

/** A JSON array, an element a line. */
export async function* jsonArray(values: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<string> {
  let between = '[\n  '
  for await (const value of values) {
    yield between + JSON.stringify(value)
    between = ',\n  '
  }
  yield between.startsWith('[') ? '[]\n' : '\n]\n'
}
