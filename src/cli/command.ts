import type { Context } from './context.ts'

/** One positional argument. Declared in the order in which they are typed. */
export interface Argument {
  readonly summary: string
  /** One or more; the last argument only. */
  readonly many?: true
  readonly optional?: true
  /** What it may be, for completion and refusals. */
  readonly choices?: readonly string[]
}

/** One flag; its name is its key, in camelCase here and in kebab-case on the command line. */
export interface Flag {
  readonly summary: string
  /** One letter for it, where everybody expects one. */
  readonly short?: string
  /** Name of its value as the help shows it; a flag without one is on or off. */
  readonly value?: string
  readonly choices?: readonly string[]
  /** May be given several times. */
  readonly many?: true
}

export type Arguments = Readonly<Record<string, Argument>>
export type Flags = Readonly<Record<string, Flag>>

type ArgumentValue<A extends Argument> = A extends { many: true }
  ? readonly string[]
  : A extends { choices: readonly (infer Choice)[] }
    ? Choice
    : A extends { optional: true }
      ? string | undefined
      : string

type FlagValue<F extends Flag> = F extends { many: true }
  ? readonly string[]
  : F extends { choices: readonly (infer Choice)[] }
    ? Choice | undefined
    : F extends { value: string }
      ? string | undefined
      : boolean

/** What was typed, by the names of the declarations. */
export type Typed<A extends Arguments, F extends Flags> = {
  readonly [Name in keyof A]: ArgumentValue<A[Name]>
} & { readonly [Name in keyof F]: FlagValue<F[Name]> }

/** A command as its file declares it; help, completion and docs/cli.md are made from this. */
export interface CommandSource<A extends Arguments, F extends Flags> {
  /** What the summary in the table leaves open, in whole sentences. */
  readonly description?: string
  readonly arguments: A
  readonly flags: F
  /** What to say to whoever interrupts it. */
  readonly onInterrupt?: string
  run(context: Context, typed: Typed<A, F>): Promise<void>
}

/** A command as its runner sees it: the declarations have been checked, and the compiler has forgotten them. */
export interface Command extends Omit<CommandSource<Arguments, Flags>, 'run'> {
  run(context: Context, typed: Readonly<Record<string, unknown>>): Promise<void>
}

export function command<const A extends Arguments, const F extends Flags>(source: CommandSource<A, F>): Command {
  // Sound: `program.ts` fills `typed` by these very declarations.
  return source as unknown as Command
}

/** `plainHttp` → `--plain-http`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

/** `REF…`, `[DIR]`: how help and docs write an argument. */
export function argumentUsage(name: string, { many, optional }: Argument): string {
  const text = `${name.toUpperCase()}${many ? '…' : ''}`
  return optional ? `[${text}]` : text
}
