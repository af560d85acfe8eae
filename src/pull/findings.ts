/** One thing in a store that isn't as it should be. */
export interface Finding {
  readonly kind: 'blob' | 'index' | 'snapshot' | 'image' | 'file' | 'database'
  /** A digest; `<snapshotter>/<key>`; a reference; a path from the root. */
  readonly name: string
  readonly problem: 'damaged' | 'missing' | 'extra'
  /** What was found, in a few words. */
  readonly detail: string
}

/** Findings in the order in which they were made, each subject once: the first finding is the nearest to the cause. */
export class Findings {
  readonly #all = new Map<string, Finding>()

  add(finding: Finding): void {
    const subject = subjectOf(finding)
    if (!this.#all.has(subject)) this.#all.set(subject, finding)
  }

  has(subject: Pick<Finding, 'kind' | 'name'>): boolean {
    return this.#all.has(subjectOf(subject))
  }

  all(): readonly Finding[] {
    return [...this.#all.values()]
  }
}

export function subjectOf({ kind, name }: Pick<Finding, 'kind' | 'name'>): string {
  return `${kind} ${name}`
}
