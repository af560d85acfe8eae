import type { Command } from '../command.ts'

/** A command by its words: `images ls` is the subcommand `ls` of the group `images`. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  /** Loads its file, and only then what that needs. */
  load(): Promise<Command>
}

export const groups: Readonly<Record<string, string>> = {
  images: 'Names of images in the store',
  artifact: 'What registries hold beside images',
  content: 'Blobs in the store',
  snapshots: 'Root file systems in the store',
}

/** In the order of the help. To add one: a file and a line. */
export const commands: readonly CommandEntry[] = [
  { name: 'pull', summary: 'Fetch, verify and unpack images', load: async () => (await import('./pull.ts')).pull },
  {
    name: 'digest',
    summary: 'Print what a reference names now',
    load: async () => (await import('./digest.ts')).digest,
  },
  {
    name: 'manifest',
    summary: 'Print a manifest or an index, byte for byte',
    load: async () => (await import('./manifest.ts')).manifest,
  },
  {
    name: 'config',
    summary: 'Print an image’s config, byte for byte',
    load: async () => (await import('./config.ts')).config,
  },
  { name: 'inspect', summary: 'Show what an image is', load: async () => (await import('./inspect.ts')).inspect },
  { name: 'tags', summary: 'List the tags of a repository', load: async () => (await import('./tags.ts')).tags },
  {
    name: 'referrers',
    summary: 'List what refers to an image',
    load: async () => (await import('./referrers.ts')).referrers,
  },
  {
    name: 'explain',
    summary: 'Show which hosts would be asked, and with what',
    load: async () => (await import('./explain.ts')).explain,
  },
  {
    name: 'ls',
    summary: 'List files of an image, without mounting it',
    load: async () => (await import('./ls.ts')).ls,
  },
  { name: 'cat', summary: 'Print a file of an image', load: async () => (await import('./cat.ts')).cat },
  {
    name: 'diff',
    summary: 'Show which files differ between two images',
    load: async () => (await import('./diff.ts')).diff,
  },
  { name: 'mount', summary: 'Mount an image on a directory', load: async () => (await import('./mount.ts')).mount },
  { name: 'umount', summary: 'Unmount what mount has mounted', load: async () => (await import('./umount.ts')).umount },
  {
    name: 'unpack',
    summary: 'Write an image’s files into a directory',
    load: async () => (await import('./unpack.ts')).unpack,
  },
  {
    name: 'bundle',
    summary: 'Make a bundle of an image, for an OCI runtime',
    load: async () => (await import('./bundle.ts')).bundle,
  },
  {
    name: 'import',
    summary: 'Take images out of files and directories',
    load: async () => (await import('./import.ts')).importCommand,
  },
  {
    name: 'export',
    summary: 'Write an image into a file',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  { name: 'push', summary: 'Bring an image to a registry', load: async () => (await import('./push.ts')).push },
  {
    name: 'copy',
    summary: 'Copy an image from one place straight to another',
    load: async () => (await import('./copy.ts')).copy,
  },
  {
    name: 'artifact pull',
    summary: 'Fetch an artifact’s files into a directory',
    load: async () => (await import('./artifact-pull.ts')).artifactPull,
  },
  { name: 'images ls', summary: 'List images', load: async () => (await import('./images-ls.ts')).imagesLs },
  { name: 'images rm', summary: 'Remove names of images', load: async () => (await import('./images-rm.ts')).imagesRm },
  {
    name: 'images tag',
    summary: 'Give an image one more name',
    load: async () => (await import('./images-tag.ts')).imagesTag,
  },
  {
    name: 'images prune',
    summary: 'Remove images that nobody uses',
    load: async () => (await import('./images-prune.ts')).imagesPrune,
  },
  { name: 'content ls', summary: 'List blobs', load: async () => (await import('./content-ls.ts')).contentLs },
  {
    name: 'content cat',
    summary: 'Print a blob, byte for byte',
    load: async () => (await import('./content-cat.ts')).contentCat,
  },
  { name: 'content rm', summary: 'Remove blobs', load: async () => (await import('./content-rm.ts')).contentRm },
  {
    name: 'snapshots ls',
    summary: 'List snapshots',
    load: async () => (await import('./snapshots-ls.ts')).snapshotsLs,
  },
  {
    name: 'snapshots rm',
    summary: 'Remove snapshots',
    load: async () => (await import('./snapshots-rm.ts')).snapshotsRm,
  },
  { name: 'df', summary: 'Show what takes how much space', load: async () => (await import('./df.ts')).df },
  {
    name: 'verify',
    summary: 'Check everything in the store, and bring again what is wrong',
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    name: 'rebuild',
    summary: 'Make the database anew from the files',
    load: async () => (await import('./rebuild.ts')).rebuild,
  },
  { name: 'gc', summary: 'Remove what no image, lease or root needs', load: async () => (await import('./gc.ts')).gc },
  {
    name: 'login',
    summary: 'Keep a user name and password for a registry',
    load: async () => (await import('./login.ts')).login,
  },
  { name: 'logout', summary: 'Forget them', load: async () => (await import('./logout.ts')).logout },
  {
    name: 'demo',
    summary: 'Pull a sample image from a registry made on the spot',
    load: async () => (await import('./demo.ts')).demo,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for a shell',
    load: async () => (await import('./completion.ts')).completion,
  },
  {
    name: 'info',
    summary: 'Show what davit can do on this machine, and why not more',
    load: async () => (await import('./info.ts')).info,
  },
  { name: 'version', summary: 'Print the version', load: async () => (await import('./version.ts')).version },
]
