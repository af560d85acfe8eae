import { dirname, join } from 'node:path'

/** Top of the checkout, from wherever the compiled tests lie below it. */
export const repository = join(dirname(new URL(import.meta.url).pathname), '../../..')
