import type { Completions, Word } from './words.ts'

/** Describes what follows the words typed so far; files where nothing is known. */
export function zsh(completions: readonly Completions[]): string {
  return `#compdef davit
_davit() {
  local path='' word
  local -a entries
  case "\${words[CURRENT-1]}" in
${valueCases(completions)}  esac
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path $word" in
${completions
  .filter(({ after }) => after !== '')
  .map(({ after }) => `      '${after.includes(' ') ? '' : ' '}${after}') path='${after}' ;;\n`)
  .join('')}    esac
  done
  case "$path" in
${completions.map(entriesCase).join('')}  esac
  _describe 'davit' entries
  _files
}
compdef _davit davit
`
}

function entriesCase({ after, words, flags }: Completions): string {
  return `    '${after}') entries=(${[...words, ...flags].map(entry).join(' ')}) ;;\n`
}

function entry({ word, summary }: Word): string {
  return `'${word}:${summary.replaceAll(':', '\\:').replaceAll("'", "'\\''")}'`
}

function valueCases(completions: readonly Completions[]): string {
  const flags = completions.flatMap(({ flags }) => flags).filter(({ takesValue }) => takesValue)
  const lines = flags.map(({ word, choices }) =>
    choices.length === 0
      ? `    ${word}) _files; return ;;\n`
      : `    ${word}) compadd -- ${choices.join(' ')}; return ;;\n`,
  )
  return [...new Set(lines)].join('')
}
