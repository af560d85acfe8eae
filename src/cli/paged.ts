import type { Context } from './context.ts'

/** A write costs a system call, whatever its length. */
const pageLength = 2 ** 16

/** Writes many short texts, a page at a time. */
export async function writePaged(context: Context, texts: AsyncIterable<string> | Iterable<string>): Promise<void> {
  let page = ''
  for await (const text of texts) {
    page += text
    if (page.length < pageLength) continue
    context.signal.throwIfAborted()
    await context.write(page)
    page = ''
  }
  context.signal.throwIfAborted()
  if (page !== '') await context.write(page)
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
