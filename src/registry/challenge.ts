/** One way in that a host offers: `Bearer realm="…",service="…"`. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string
  /** By lower-case name; the first one counts. */
  readonly parameters: ReadonlyMap<string, string>
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const separators = /[\s,]*/y
const schemeRule = new RegExp(`(${token})(?=\\s|,|$)`, 'y')
const parameterRule = new RegExp(`(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}|[^\\s,"]+))(?=\\s|,|$)`, 'y')

/**
 * The challenges of a response's `WWW-Authenticate` lines, in their order. What can't be read is passed over.
 *
 * Shape:  a line may hold several challenges, a host may send several lines.
 * Source: RFC 9110, "WWW-Authenticate".
 */
export function parseChallenges(lines: string | readonly string[] | undefined): readonly Challenge[] {
  if (lines === undefined) return []
  return (typeof lines === 'string' ? [lines] : lines).flatMap(parseLine)
}

function parseLine(line: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let position = 0
  const match = (rule: RegExp): RegExpExecArray | undefined => {
    rule.lastIndex = position
    const found = rule.exec(line) ?? undefined
    if (found !== undefined) position = rule.lastIndex
    return found
  }
  while (position < line.length) {
    match(separators)
    const parameter = match(parameterRule)
    if (parameter !== undefined) {
      const [, name = '', quoted, plain = ''] = parameter
      const known = challenges.at(-1)?.parameters
      if (!known?.has(name.toLowerCase())) known?.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain)
      continue
    }
    const [scheme] = match(schemeRule) ?? []
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() })
    else position = nextComma(line, position)
  }
  return challenges
}

function nextComma(line: string, position: number): number {
  const comma = line.indexOf(',', position)
  return comma === -1 ? line.length : comma + 1
}
