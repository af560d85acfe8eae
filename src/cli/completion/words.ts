import { type Argument, type Flag, flagName } from '../command.ts'
import { commands, groups } from '../commands/index.ts'
import { globalFlags } from '../flags.ts'

/** What can be typed after some words: the next ones, and flags. */
export interface Completions {
  /** Words of the command or group, `''` for davit itself. */
  readonly after: string
  readonly words: readonly Word[]
  readonly flags: readonly FlagWord[]
}

export interface Word {
  readonly word: string
  readonly summary: string
}

export interface FlagWord extends Word {
  readonly takesValue: boolean
  readonly choices: readonly string[]
}

/** Everything that can be typed, from the declarations of all commands. */
export async function allWords(): Promise<readonly Completions[]> {
  const global = Object.entries(globalFlags).map(flagWord)
  const leaves = await Promise.all(
    commands.map(async ({ name, load }) => {
      const command = await load()
      const choices = Object.values(command.arguments).flatMap(argumentWords)
      return { after: name, words: choices, flags: [...Object.entries(command.flags).map(flagWord), ...global] }
    }),
  )
  const inGroups = Object.keys(groups).map(group => ({
    after: group,
    words: commands
      .filter(({ name }) => name.startsWith(`${group} `))
      .map(({ name, summary }) => ({ word: name.slice(group.length + 1), summary })),
    flags: global,
  }))
  const top = [
    ...commands.filter(({ name }) => !name.includes(' ')).map(({ name, summary }) => ({ word: name, summary })),
    ...Object.entries(groups).map(([word, summary]) => ({ word, summary })),
  ]
  return [{ after: '', words: top, flags: global }, ...inGroups, ...leaves]
}

function argumentWords({ choices = [] }: Argument): Word[] {
  return choices.map(word => ({ word, summary: '' }))
}

function flagWord([key, { summary, value, choices = [] }]: [string, Flag]): FlagWord {
  return { word: flagName(key), summary, takesValue: value !== undefined, choices }
}
