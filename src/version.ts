/** As in package.json; a test holds them together, so that nothing is read at start-up. */
export const version = '0.1.0'
