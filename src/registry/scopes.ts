/** What a registry can't have davit ask for: only a request that writes asks for it, by its own scope. */
const writing: ReadonlySet<string> = new Set(['push', 'delete', '*'])

/** Far more than a registry asks for one request. */
const maxScopes = 16

/**
 * The scopes for a token: `own`, and what the registry's challenge wants beside it, merged by resource. A mirror may
 * know a repository under another name than the one that it is asked for.
 *
 * Shape:  `type:name:action,action` each, sorted; those that come in are apart by spaces. Nothing for '' and ''.
 * Source: CNCF distribution, "Token Scope Documentation".
 */
export function mergeScopes(own: string, wanted = ''): readonly string[] {
  const scopes = new Map<string, Set<string>>()
  for (const scope of own.split(' ')) add(scope, () => true)
  for (const scope of wanted.split(' ').slice(0, maxScopes)) add(scope, action => !writing.has(action))
  return [...scopes].map(([resource, actions]) => `${resource}:${[...actions].sort().join(',')}`).sort()

  function add(scope: string, isWelcome: (action: string) => boolean): void {
    const [, resource, actions = ''] = /^([\x21-\x7e]+:[\x21-\x7e]+):([\x21-\x7e]+)$/.exec(scope) ?? []
    const welcome = actions.split(',').filter(isWelcome)
    if (resource === undefined || welcome.length === 0) return
    scopes.set(resource, new Set([...(scopes.get(resource) ?? []), ...welcome]))
  }
}

/** The repository that a request's own scope is about, the first one; '' for none. */
export function repositoryIn(scope: string): string {
  return /^repository:([^ ]+):[^: ]+( |$)/.exec(scope)?.[1] ?? ''
}
