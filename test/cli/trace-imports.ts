import { register } from 'node:module'

/** With `node --import`: names each module on stderr as it is loaded. */
const hooks = `
  import { writeSync } from 'node:fs'
  export async function load(url, context, next) {
    writeSync(2, 'import ' + url + '\\n')
    return next(url, context)
  }`

register(`data:text/javascript,${encodeURIComponent(hooks)}`)
