/**
 * undici's agent alone. The package's entry loads fetch, WebSocket, caches and mocks with it, which costs more than
 * Node's own start.
 */
declare module 'undici/lib/dispatcher/agent.js' {
  // biome-ignore lint/style/noDefaultExport: what a CommonJS module exports is its default
  export { Agent as default } from 'undici'
}

declare module 'undici/lib/core/connect.js' {
  // biome-ignore lint/style/noDefaultExport: what a CommonJS module exports is its default
  export { buildConnector as default } from 'undici'
}
