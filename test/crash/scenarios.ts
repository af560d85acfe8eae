import { asRoot } from '../conformance/scratch.ts'

/** What a command is given. */
interface Names {
  /** Of the sample image, and a second name for it. */
  readonly image: string
  readonly other: string
  /** A directory that isn’t there. */
  readonly target: string
}

type Words = (names: Names) => readonly string[]

/** A command that is disturbed, and what it starts from. */
export interface Scenario {
  readonly name: string
  /** Commands that make its store; with none there is no store yet. */
  readonly before: readonly Words[]
  readonly words: Words
}

const pull =
  (snapshotter: string, ...flags: readonly string[]): Words =>
  ({ image }) => [
    'pull',
    '--progress',
    'quiet',
    '--platform',
    'linux/amd64',
    '--snapshotter',
    snapshotter,
    ...flags,
    image,
  ]
const remove: Words = ({ image }) => ['images', 'rm', image]
const unpack: Words = ({ image, target }) => [
  'unpack',
  '--progress',
  'quiet',
  '--platform',
  'linux/amd64',
  image,
  target,
]

const all: readonly Scenario[] = [
  { name: 'pull-erofs', before: [], words: pull('erofs') },
  { name: 'pull-discard', before: [], words: pull('erofs', '--discard-compressed') },
  { name: 'pull-overlayfs', before: [], words: pull('overlayfs') },
  { name: 'pull-native', before: [], words: pull('native') },
  { name: 'pull-again', before: [pull('none')], words: pull('erofs') },
  { name: 'unpack', before: [], words: unpack },
  { name: 'unpack-stored', before: [pull('none')], words: unpack },
  { name: 'tag', before: [pull('erofs')], words: ({ image, other }) => ['images', 'tag', image, other] },
  { name: 'remove', before: [pull('erofs')], words: remove },
  { name: 'gc-erofs', before: [pull('erofs'), remove], words: () => ['gc'] },
  { name: 'gc-overlayfs', before: [pull('overlayfs'), remove], words: () => ['gc'] },
  { name: 'gc-discard', before: [pull('erofs', '--discard-compressed'), remove], words: () => ['gc'] },
]

/** Directories full of layers are root’s. */
export const scenarios = all.filter(({ name }) => asRoot || !/overlayfs|native/.test(name))
