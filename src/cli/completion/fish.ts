import type { Completions, FlagWord, Word } from './words.ts'

/** A line a word, with the words that must be there before it as its condition. */
export function fish(completions: readonly Completions[]): string {
  const words = completions.flatMap(({ after }) => after.split(' ')).filter(word => word !== '')
  const lines = completions.flatMap(completion => {
    const condition = conditionOf(completion, [...new Set(words)])
    return [
      ...completion.words.map(word => wordLine(condition, word)),
      ...completion.flags.map(flag => flagLine(condition, flag)),
    ]
  })
  return `# fish completion for davit\n${lines.join('')}`
}

function conditionOf({ after, words }: Completions, all: readonly string[]): string {
  if (after === '') return `not __fish_seen_subcommand_from ${all.join(' ')}`
  const seen = after.split(' ').map(word => `__fish_seen_subcommand_from ${word}`)
  const isGroup = words.length > 0 && all.some(word => word === words[0]?.word)
  const unseen = isGroup ? [`not __fish_seen_subcommand_from ${words.map(({ word }) => word).join(' ')}`] : []
  return [...seen, ...unseen].join('; and ')
}

function wordLine(condition: string, { word, summary }: Word): string {
  return `complete -c davit -n ${quoted(condition)} -a ${quoted(word)} -d ${quoted(summary)}\n`
}

function flagLine(condition: string, { word, summary, takesValue, choices }: FlagWord): string {
  const value = takesValue ? ` -r${choices.length > 0 ? ` -f -a ${quoted(choices.join(' '))}` : ''}` : ''
  return `complete -c davit -n ${quoted(condition)} -l ${word.slice(2)}${value} -d ${quoted(summary)}\n`
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
