/** Power cuts of a file system of its own, here and there; `npm run test:power` tries them all. */
import { needsRoot } from '../conformance/scratch.ts'
import { sampleTests } from '../crash/sample-tests.ts'

sampleTests('power', { points: 6, only: ['pull-erofs', 'pull-overlayfs', 'gc-erofs'], skip: needsRoot })
