import type { Compression } from './compression.ts'
import { gather } from './gather.ts'

/** A plain tar, or nothing at all. */
export const none: Compression = { name: 'none', detect: () => true, decompress: gather }
