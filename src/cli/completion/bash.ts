import type { Completions } from './words.ts'

/** Looks up what follows the words typed so far; files where nothing is known. */
export function bash(completions: readonly Completions[]): string {
  const cases = completions.map(
    ({ after, words, flags }) =>
      `    '${after}') words='${[...words, ...flags].map(({ word }) => word).join(' ')}' ;;\n`,
  )
  return `# bash completion for davit
_davit() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" path='' word words=''
  case "$previous" in
${[...valueCases(completions)].join('')}  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
${completions
  .filter(({ after }) => after !== '')
  .map(({ after }) => `      '${after.includes(' ') ? '' : ' '}${after}') path='${after}' ;;\n`)
  .join('')}    esac
  done
  case "$path" in
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _davit davit
`
}

/** After a flag that takes a value come its choices, else files. */
function valueCases(completions: readonly Completions[]): Set<string> {
  const flags = completions.flatMap(({ flags }) => flags).filter(({ takesValue }) => takesValue)
  return new Set(
    flags.map(({ word, choices }) =>
      choices.length === 0
        ? `    ${word}) return ;;\n`
        : `    ${word}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current")); return ;;\n`,
    ),
  )
}
