/** davit killed before a system call of its, here and there; `npm run test:crash` tries them all. */
import { sampleTests } from './sample-tests.ts'

sampleTests('kill', { points: 8, only: ['pull-erofs', 'pull-overlayfs', 'unpack-stored', 'gc-erofs', 'tag'] })
