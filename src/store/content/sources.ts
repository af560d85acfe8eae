import type { Reference } from '../../spec/reference.ts'
import { LABEL_MAX_BYTES } from './labels.ts'
import type { Labels } from './store.ts'

/** containerd's label: which repositories of a host have served this blob, so who may use it by digest alone. */
const SOURCE_LABEL = 'containerd.io/distribution.source.'

type Source = Pick<Reference, 'host' | 'repository'>

/** Adds `source` to the repositories that `labels` name. No change without one, when it is there, or when there is no room. */
export function addSource(labels: Labels, source: Source | undefined): Labels {
  if (source === undefined) return {}
  const key = keyOf(source)
  const repositories = repositoriesIn(labels, key)
  if (repositories.includes(source.repository)) return {}
  const value = [...repositories, source.repository].toSorted().join(',')
  return Buffer.byteLength(key) + Buffer.byteLength(value) > LABEL_MAX_BYTES ? {} : { [key]: value }
}

/** True when the blob with these labels came from `source`'s repository. */
export function hasSource(labels: Labels, source: Source): boolean {
  return repositoriesIn(labels, keyOf(source)).includes(source.repository)
}

/** Repositories of the host, as far as is known, that have the blob with these labels. */
export function sourcesAt(labels: Labels, { host }: Pick<Source, 'host'>): readonly string[] {
  return repositoriesIn(labels, keyOf({ host }))
}

function repositoriesIn(labels: Labels, key: string): readonly string[] {
  return labels[key]?.split(',') ?? []
}

/** The host without its port, as containerd has it. */
function keyOf({ host }: Pick<Source, 'host'>): string {
  return SOURCE_LABEL + host.replace(/:\d+$/, '')
}
