import { openImageWorker } from '../../../src/rootfs/extract/worker.ts'
import { inlineWorkers } from '../../../src/system/inline.ts'

/** What is printed. */
export type Losses = readonly string[]

/** Run by its test with less privilege: prints what a worker would be without. */
const worker = await openImageWorker(inlineWorkers(), [])
await worker.close()
console.log(JSON.stringify(worker.losses))
