import { openMemoryStore } from '../../../src/store/content/memory.ts'
import { contentStoreSuite } from '../../conformance/content-store.ts'

contentStoreSuite('memory', openMemoryStore)
