/**
 * The words that a reference is made of, each pattern for a whole text.
 *
 * Source: distribution/reference, "Grammar"; OCI distribution-spec v1.1, "Pulling manifests".
 */

/** Longest repository, in bytes (its grammar is ASCII). */
export const maxRepositoryLength = 255

export const maxPort = 65_535

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const address = '\\[[a-fA-F0-9:]+\\]'
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'

/** A registry: domain name, IPv4 address or IPv6 address in brackets, with or without a port. */
export const hostPattern = new RegExp(`^(?:${label}(?:\\.${label})*|${address})(?::[0-9]+)?$`)

export const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`)

export const tagPattern = /^\w[\w.-]{0,127}$/
