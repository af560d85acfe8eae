import { Command as Commander, CommanderError, Option } from 'commander'
import { ImageError } from '../errors.ts'
import { version } from '../version.ts'
import { type Argument, argumentUsage, type Command, type Flag, type Flags, flagName } from './command.ts'
import { type CommandEntry, commands, groups } from './commands/index.ts'
import { globalFlags } from './flags.ts'

/** What a command line means: run a command, or just say something (help, version). */
export type CommandLine = RunLine | SayLine

export interface RunLine {
  readonly kind: 'run'
  /** Its words in the table. */
  readonly name: string
  readonly command: Command
  readonly typed: Readonly<Record<string, unknown>>
  readonly root: string | undefined
  readonly debug: boolean
}

export interface SayLine {
  readonly kind: 'say'
  readonly text: string
  /** Nothing was asked for, so what is said is a reproach. */
  readonly isMistake: boolean
}

/**
 * Reads the words after `davit`. Loads the one command that they name and no other.
 *
 * Errors: INVALID_ARGUMENT, with the help to ask for as its hint.
 */
export async function parseCommandLine(words: readonly string[]): Promise<CommandLine> {
  let said = ''
  let run: RunLine | undefined
  const program = new Commander('davit')
    .description('Pulls container images: registry to verified store to mountable root file system. Needs no daemon.')
    .version(version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Show help')
    .usage('[FLAGS] COMMAND')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: text => (said += text), writeErr: text => (said += text), outputError: () => {} })
    .configureHelp({ argumentTerm: argument => argument.name(), subcommandTerm: command => command.name() })
    .addHelpText('after', '\nMore about a command: davit COMMAND --help')
  addFlags(program, globalFlags)

  for (const entry of commands) {
    const parent = groupOf(program, entry)
    const sub = parent.command(entry.name.split(' ').at(-1) ?? entry.name).description(entry.summary)
    parent.hook('preSubcommand', async (_, chosen) => {
      if (chosen !== sub) return
      const command = await entry.load()
      declare(sub, entry, command)
      sub.action(() => {
        const { root, debug } = program.opts()
        run = { kind: 'run', name: entry.name, command, typed: typedOf(sub, command), root, debug: debug === true }
      })
    })
  }

  if (words[0] === 'help') refuseUnknownTopic(words.slice(1))
  try {
    await program.parseAsync(words[0] === 'help' ? [...words.slice(1), '--help'] : words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (said !== '') return { kind: 'say', text: said, isMistake: error.code === 'commander.help' }
    throw mistake(error, words)
  }
  if (run === undefined) throw new Error('no command has run')
  return run
}

function groupOf(program: Commander, { name }: CommandEntry): Commander {
  const [group, sub] = name.split(' ')
  if (group === undefined || sub === undefined) return program
  const known = program.commands.find(command => command.name() === group)
  return (
    known ??
    program
      .command(group)
      .description(groups[group] ?? '')
      .usage('COMMAND')
      .helpCommand(false)
  )
}

function declare(sub: Commander, { summary }: CommandEntry, command: Command): void {
  const words = Object.entries(command.arguments)
  sub.description(command.description === undefined ? `${summary}.` : `${summary}.\n\n${command.description}`)
  sub.usage(['[FLAGS]', ...words.map(([name, argument]) => argumentUsage(name, argument))].join(' '))
  for (const [name, argument] of words) addArgument(sub, name, argument)
  addFlags(sub, command.flags)
}

function addArgument(sub: Commander, name: string, { summary, many, optional, choices }: Argument): void {
  const text = `${name.toUpperCase()}${many ? '...' : ''}`
  const argument = sub.createArgument(optional ? `[${text}]` : `<${text}>`, summary)
  sub.addArgument(choices === undefined ? argument : argument.choices(choices))
}

function addFlags(command: Commander, flags: Flags): void {
  for (const [key, flag] of Object.entries(flags)) command.addOption(optionOf(key, flag))
}

function optionOf(key: string, { value, summary, short, choices, many }: Flag): Option {
  const name = short === undefined ? flagName(key) : `-${short}, ${flagName(key)}`
  const option = new Option(value === undefined ? name : `${name} <${value}>`, summary)
  option.negate = false // `--no-fallback` is a flag like any other: there is no `--fallback` for it to undo
  if (choices !== undefined) option.choices(choices)
  if (many) option.argParser((one: string, before: readonly string[] | undefined) => [...(before ?? []), one])
  return option
}

/** By the declarations: flags that weren't given are false, empty or undefined, as their types say. */
function typedOf(sub: Commander, command: Command): Readonly<Record<string, unknown>> {
  const typed: Record<string, unknown> = {}
  const given = sub.opts()
  Object.keys(command.arguments).forEach((name, place) => {
    typed[name] = sub.processedArgs[place]
  })
  for (const [key, { value, many }] of Object.entries(command.flags)) {
    typed[key] = given[key] ?? (many ? [] : value === undefined ? false : undefined)
  }
  return typed
}

/** Asked for help with a command that there isn't, commander would show its own. Errors: INVALID_ARGUMENT. */
function refuseUnknownTopic(words: readonly string[]): void {
  const topic = words.join(' ')
  const isKnown = topic === '' || Object.hasOwn(groups, topic) || commands.some(({ name }) => name === topic)
  if (isKnown || topic.startsWith('-')) return
  const details = { argument: 'command', value: topic }
  throw new ImageError('INVALID_ARGUMENT', `Cannot help with ${topic}: there is no such command`, details, {
    hint: 'see davit --help',
  })
}

function mistake(error: CommanderError, words: readonly string[]): ImageError {
  const found = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
  // Behind flags of all commands, too: `davit --root DIR pull`.
  const tails = words.map((_, start) => words.slice(start))
  const named = (length: number) =>
    commands.find(({ name }) => tails.some(tail => tail.slice(0, length).join(' ') === name))
  const group = words.find(word => Object.hasOwn(groups, word))
  const name = (named(2) ?? named(1))?.name ?? group
  return new ImageError(
    'INVALID_ARGUMENT',
    `Cannot read the command line: ${found}`,
    { argument: 'command line' },
    { hint: name === undefined ? 'see davit --help' : `see davit ${name} --help` },
  )
}
