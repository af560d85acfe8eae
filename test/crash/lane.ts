import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../../src/spec/digest.ts'
import { hexOf } from '../../src/spec/digest.ts'
import { beside, command } from '../support/command.ts'
import { mainOfDavit } from '../support/davit.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { dumpTree, type TreeNode } from '../support/tree.ts'
import { type Ended, type Fault, runAt } from './at-call.ts'
import { type Disk, makeDisk } from './disk.ts'
import { putSampleImage, type SampleLayer } from './sample-image.ts'
import type { Scenario } from './scenarios.ts'
import { storeState } from './store-state.ts'

/** What a scenario comes to when nothing disturbs it, after a collection. */
export interface Expected {
  readonly stdout: string
  readonly calls: number
  readonly childCalls: number
  readonly store: readonly TreeNode[]
  readonly target: readonly TreeNode[] | undefined
}

/** A place where one trial goes on at a time, with a registry of its own: what is fetched there is fetched by it. */
export class Lane {
  readonly root: string
  readonly target: string
  readonly image: string
  readonly disk: Disk | undefined
  readonly #directory: string
  readonly #registry: TestRegistry
  readonly #layers: readonly SampleLayer[]
  readonly #expected = new Map<string, Expected>()

  private constructor(directory: string, registry: TestRegistry, disk: Disk | undefined) {
    this.#directory = directory
    this.disk = disk
    this.#registry = registry
    this.#layers = putSampleImage(registry, ['1'])
    this.root = join(disk?.mount ?? directory, 'root')
    this.target = join(disk?.mount ?? directory, 'target')
    this.image = `${registry.host}/a:1`
  }

  /** With `disk`, store and target are on one of their own. */
  static async open(directory: string, { disk = false }: { readonly disk?: boolean } = {}): Promise<Lane> {
    mkdirSync(directory, { recursive: true })
    return new Lane(directory, await startRegistry(), disk ? makeDisk(directory) : undefined)
  }

  async close(): Promise<void> {
    this.disk?.remove()
    await this.#registry.close()
  }

  run(words: readonly string[]): ReturnType<typeof beside> {
    return beside(process.execPath, this.#line(words), this.#env)
  }

  /** Runs a command with a fault in it, or to count its calls. */
  disturb(words: readonly string[], fault?: Fault): Promise<Ended> {
    const report = join(this.#directory, 'report.json')
    const mount = this.disk === undefined ? {} : { mount: this.disk.mount }
    const options = { report, env: this.#env, ...(fault && { fault: { ...fault, ...mount } }) }
    return runAt([process.execPath, ...this.#line(words)], options)
  }

  words(scenario: Scenario): readonly string[] {
    return scenario.words(this.#names)
  }

  /** Runs the scenario undisturbed, once. */
  async expected(scenario: Scenario): Promise<Expected> {
    const known = this.#expected.get(scenario.name)
    if (known !== undefined) return known
    await this.reset(scenario)
    const { stdout, stderr, status, calls, childCalls } = await this.disturb(this.words(scenario))
    if (status !== 0) throw new Error(`${scenario.name}: ${status} ${stderr}`)
    await this.succeed(['gc'])
    const found = { stdout, calls, childCalls, store: storeState(this.root), target: this.targetTree() }
    this.#expected.set(scenario.name, found)
    return found
  }

  /** Puts the store as the scenario begins with. */
  async reset({ name, before }: Scenario): Promise<void> {
    this.disk?.renew()
    rmSync(this.root, { recursive: true, force: true })
    rmSync(this.target, { recursive: true, force: true })
    if (before.length === 0) return
    const template = join(this.#directory, 'templates', name)
    if (!existsSync(template)) {
      for (const words of before) await this.succeed(words(this.#names))
      mkdirSync(join(this.#directory, 'templates'), { recursive: true })
      command('cp', '-a', this.root, template)
      return
    }
    command('cp', '-a', template, this.root)
    this.disk?.sync()
  }

  async succeed(words: readonly string[]): Promise<void> {
    const ended = await this.run(words)
    if (ended.status !== 0) throw new Error(`davit ${words.join(' ')}: ${ended.status} ${ended.stderr}`)
  }

  targetTree(): readonly TreeNode[] | undefined {
    return existsSync(this.target) ? dumpTree(this.target) : undefined
  }

  /** Bytes of layers that a run would have to fetch, by what is on disk. */
  missing(): number {
    return this.#layers.reduce((sum, { size, ...layer }) => sum + size - Math.min(size, this.#stored(layer)), 0)
  }

  /** Starts counting the bytes of layers that are fetched. */
  countFetched(): () => number {
    const { length } = this.#registry.received
    return () =>
      this.#registry.received.slice(length).reduce((sum, { method, url, headers }) => {
        const layer = this.#layers.find(({ digest }) => url.endsWith(digest))
        if (method !== 'GET' || layer === undefined) return sum
        const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
        return sum + (to === '' ? layer.size : Number(to) + 1) - Number(from)
      }, 0)
  }

  #line(words: readonly string[]): readonly string[] {
    return [mainOfDavit, '--root', this.root, ...words]
  }

  get #env(): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], HOME: join(this.#directory, 'home'), UV_USE_IO_URING: '0' }
  }

  get #names() {
    return { image: this.image, other: `${this.image}-too`, target: this.target }
  }

  #stored({ digest, diffId }: { readonly digest: Digest; readonly diffId: Digest }): number {
    const blobs = join(this.root, 'blobs/sha256')
    if ([digest, diffId].some(one => existsSync(join(blobs, hexOf(one))))) return Number.POSITIVE_INFINITY
    const ingests = join(this.root, 'ingest')
    const partial = existsSync(ingests) && readdirSync(ingests).find(name => name.includes(hexOf(digest)))
    return partial ? statSync(join(ingests, partial)).size : 0
  }
}
