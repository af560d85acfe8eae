/** Passes each message on the first time that it is said. */
export function once(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>()
  return message => {
    if (said.has(message)) return
    said.add(message)
    say(message)
  }
}
