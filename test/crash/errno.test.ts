/** System calls of davit’s that fail, here and there; `npm run test:errno` tries them all. */
import { sampleTests } from './sample-tests.ts'

sampleTests('errno', { points: 8, only: ['pull-discard', 'pull-native', 'unpack', 'remove'] })
